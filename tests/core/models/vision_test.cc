// What every architecture of pictures keeps, with every head: pictures of several sizes together are
// each what they are alone, to the bit; every tensor is used; precision; NaN.
#include "core/checkpoint/config_class.h"
#include "core/models/heads/image.h"
#include "core/models/registry.h"
#include "core/nn/twins.h"
#include "tests/core/models/tiny.h"

namespace hft::test {
namespace {

struct Shown {
  std::vector<std::vector<float>> pixels;
  std::vector<PictureView> views;
};

// Pictures of these sizes, smooth and different.
Shown shown(const std::vector<std::pair<int, int>>& sizes) {
  Shown all;
  for (const auto& [height, width] : sizes) {
    auto& data = all.pixels.emplace_back(3 * height * width);
    for (std::size_t i = 0; i < data.size(); ++i)
      data[i] = std::sin(0.37f * static_cast<float>(i) + static_cast<float>(all.pixels.size()));
  }
  for (std::size_t i = 0; i < sizes.size(); ++i)
    all.views.push_back({3, sizes[i].first, sizes[i].second, all.pixels[i].data()});
  return all;
}
const std::vector<std::pair<int, int>> kSizes{{32, 32}, {32, 32}, {40, 32}, {48, 56}, {33, 47}};

std::vector<float> values(const std::vector<Seen>& seen) {
  std::vector<float> all;
  for (const Seen& one : seen)
    for (const Matrix* m : {&one.logits, &one.boxes, &one.masks})
      all.insert(all.end(), m->data.begin(), m->data.end());
  return all;
}

// What the model makes of pictures, or of a question to each.
std::vector<float> look(ImageModel& model, ImageHead head, std::span<const PictureView> views) {
  if (head != ImageHead::kAnswer) return values(model.forward(views));
  Questions questions;
  for (std::size_t i = 0; i < views.size(); ++i) {
    questions.of.push_back(static_cast<std::int32_t>(i));
    for (const int id : some_ids(4)) questions.texts.ids.push_back(id);
    questions.texts.starts.push_back(static_cast<std::int32_t>(questions.texts.ids.size()));
  }
  return model.answer(views, questions).data;
}

std::unique_ptr<ImageModel> load_image(const fs::path& folder, ImageHead head,
                                       const std::string& dtype = "auto", int threads = 0) {
  return load_model<ImageModel>({.folder = folder,
                                 .image_head = head,
                                 .dtype = dtype,
                                 .device = "cpu",
                                 .threads = threads});
}

// f(config, head, folder) with a freshly written tiny model of every architecture.
template <class F>
void each_image_model(F&& f) {
  for (const Architecture* a : architectures()) {
    if (!a->image) continue;
    for (const ImageHead head : a->image_heads) {
      const TempFolder folder;
      const Json config = tiny_image_config(std::string(a->types[0]));
      write_model(folder.path, config, tiny_image_tensors(*a, config, head));
      CAPTURE(a->types[0]);
      CAPTURE(static_cast<int>(head));
      f(*a, config, head, folder.path);
    }
  }
}

}  // namespace

TEST_CASE("vision: a picture is seen alike alone, in company and on any number of threads") {
  each_image_model([](const Architecture&, const Json&, ImageHead head, const fs::path& folder) {
    const auto one = load_image(folder, head, "auto", 1), two = load_image(folder, head, "auto", 2);
    CHECK(one->warnings() == std::vector<std::string>{});
    const Shown all = shown(kSizes);
    const auto together = look(*two, head, all.views);
    REQUIRE(!together.empty());
    std::vector<float> alone;
    for (const auto& view : all.views) {
      const auto own = look(*one, head, {&view, 1});
      alone.insert(alone.end(), own.begin(), own.end());
    }
    if (twins_forced())
      CHECK(distance(together, alone) < 1e-4);
    else
      CHECK(together == alone);
  });
}

TEST_CASE("vision: bfloat16 and float16 stay near float32") {
  each_image_model([](const Architecture& a, const Json& config, ImageHead head,
                      const fs::path& folder) {
    if (head == ImageHead::kSegment && a.types[0] == "mask2former") return;  // its masks switch
    if (a.types[0].starts_with("rt_detr")) return;  // the cells that are its queries switch
    if (a.types[0] == "mobilenet_v2") return;  // half a hundred layers of wide weights
    const Shown all = shown({{32, 32}, {40, 48}});
    const auto exact = look(*load_image(folder, head), head, all.views);
    CHECK(distance(look(*load_image(folder, head, "bfloat16"), head, all.views), exact) < 0.3);
    CHECK(distance(look(*load_image(folder, head, "float16"), head, all.views), exact) < 0.06);
    Tensors halved = tiny_image_tensors(a, config, head);
    for (auto& [name, tensor] : halved) tensor = tensor.to(at::kHalf);
    write_model(folder, config, halved);
    CHECK(distance(look(*load_image(folder, head, "float32"), head, all.views), exact) < 0.06);
  });
}

TEST_CASE("vision: a tensor of another shape is refused, naming both shapes") {
  each_image_model([](const Architecture& a, const Json& config, ImageHead head,
                      const fs::path& folder) {
    Tensors tensors = tiny_image_tensors(a, config, head);
    const auto& [name, tensor] = *std::next(tensors.begin(), static_cast<long>(tensors.size() / 2));
    auto shape = tensor.sizes().vec();
    if (shape.empty()) return;
    const std::string wanted = shape_text(shape);
    shape[0] += 1;
    Tensors wrong = tensors;
    wrong[name] = at::zeros(shape);
    write_model(folder, config, wrong);
    const Error error = caught([&] { load_image(folder, head); });
    CHECK(error.code == Errc::kBadData);
    CHECK(error.message == folder.string() + ": tensor '" + name + "' is " + shape_text(shape) +
                               " in the checkpoint, but config.json implies " + wanted);
  });
}

TEST_CASE("vision: a NaN is told with a place in the model") {
  each_image_model([](const Architecture& a, const Json& config, ImageHead head,
                      const fs::path& folder) {
    Tensors tensors = tiny_image_tensors(a, config, head);
    for (auto& [name, tensor] : tensors)
      if (tensor.dim() == 4 || name.ends_with("patches.weight")) {
        tensor.flatten()[0] = std::nan("");
        break;
      }
    write_model(folder, config, tensors);
    const auto model = load_image(folder, head);
    const Shown all = shown({{32, 32}});
    const Error error = caught([&] { look(*model, head, all.views); });
    CHECK(error.code == Errc::kNotFinite);
    CHECK(error.message.starts_with("NaN"));
  });
}

TEST_CASE("vision: pictures that the model cannot see are refused") {
  each_image_model([](const Architecture&, const Json&, ImageHead head, const fs::path& folder) {
    const auto model = load_image(folder, head);
    Shown all = shown({{32, 32}});
    all.views[0].channels = 1;
    CHECK(error_of([&] { look(*model, head, all.views); }) ==
          "a picture has 1 channels, but the model sees 3");
  });
}

}  // namespace hft::test
