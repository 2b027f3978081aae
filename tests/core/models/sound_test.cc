// What every architecture of sounds keeps, with every head: sounds of several lengths together are
// each what they are alone, to the bit; every tensor is used; precision; NaN.
#include "core/models/heads/sound.h"
#include "core/models/registry.h"
#include "core/nn/twins.h"
#include "tests/core/models/tiny.h"

namespace hft::test {
namespace {

struct Played {
  std::vector<std::vector<float>> numbers;
  std::vector<SoundView> views;
};

// Sounds of so many frames, smooth and different.
Played played(int bins, const std::vector<int>& lengths) {
  Played all;
  for (const int length : lengths) {
    auto& data = all.numbers.emplace_back(length * bins);
    for (std::size_t i = 0; i < data.size(); ++i)
      data[i] = std::sin(0.37f * static_cast<float>(i) + static_cast<float>(all.numbers.size()));
  }
  for (std::size_t i = 0; i < lengths.size(); ++i)
    all.views.push_back({all.numbers[i].data(), lengths[i], bins});
  return all;
}

// Some that this architecture hears.
Played some_sounds(const Architecture& a) {
  if (a.types[0] == "clap") return played(16, {60, 41, 64, 20});
  if (a.types[0] == "audio-spectrogram-transformer") return played(16, {60, 60, 60});
  return played(1, {1400, 31, 700, 3000, 50, 52});
}

std::vector<float> values(const std::vector<Heard>& heard) {
  std::vector<float> all;
  for (const Heard& one : heard)
    all.insert(all.end(), one.logits.data.begin(), one.logits.data.end());
  return all;
}

std::unique_ptr<SoundModel> load_sound(const fs::path& folder, SoundHead head,
                                       const std::string& dtype = "auto", int threads = 0) {
  return load_model<SoundModel>({.folder = folder,
                                 .sound_head = head,
                                 .dtype = dtype,
                                 .device = "cpu",
                                 .threads = threads});
}

// f(architecture, config, head, folder) with a freshly written tiny model of every architecture.
template <class F>
void each_sound_model(F&& f) {
  for (const Architecture* a : architectures())
    for (const SoundHead head : a->sound_heads) {
      const TempFolder folder;
      const Json config = tiny_sound_config(std::string(a->types[0]));
      write_model(folder.path, config, tiny_sound_tensors(*a, config, head));
      CAPTURE(a->types[0]);
      CAPTURE(static_cast<int>(head));
      f(*a, config, head, folder.path);
    }
}

}  // namespace

TEST_CASE("sound: one is heard alike alone, in company and on any number of threads") {
  each_sound_model([](const Architecture& a, const Json&, SoundHead head, const fs::path& folder) {
    const auto one = load_sound(folder, head, "auto", 1), two = load_sound(folder, head, "auto", 2);
    CHECK(one->warnings() == std::vector<std::string>{});
    const Played all = some_sounds(a);
    const auto together = values(two->forward(all.views));
    REQUIRE(!together.empty());
    std::vector<float> alone;
    for (const auto& view : all.views) {
      const auto own = values(one->forward({&view, 1}));
      alone.insert(alone.end(), own.begin(), own.end());
    }
    if (twins_forced())
      CHECK(distance(together, alone) < 1e-4);
    else
      CHECK(together == alone);
  });
}

TEST_CASE("sound: kernels and their twins agree") {
  each_sound_model([](const Architecture& a, const Json&, SoundHead head, const fs::path& folder) {
    const auto model = load_sound(folder, head);
    const Played all = some_sounds(a);
    const auto with_kernels = values(model->forward(all.views));
    const bool before = twins_forced().exchange(true);
    const auto with_twins = values(model->forward(all.views));
    twins_forced() = before;
    CHECK(distance(with_kernels, with_twins) < 1e-4);
  });
}

TEST_CASE("sound: bfloat16 and float16 stay near float32") {
  each_sound_model([](const Architecture& a, const Json& config, SoundHead head,
                      const fs::path& folder) {
    const Played all = some_sounds(a);
    const auto exact = values(load_sound(folder, head)->forward(all.views));
    CHECK(distance(values(load_sound(folder, head, "bfloat16")->forward(all.views)), exact) < 0.3);
    CHECK(distance(values(load_sound(folder, head, "float16")->forward(all.views)), exact) < 0.06);
    Tensors halved = tiny_sound_tensors(a, config, head);
    for (auto& [name, tensor] : halved) tensor = tensor.to(at::kHalf);
    write_model(folder, config, halved);
    CHECK(distance(values(load_sound(folder, head, "float32")->forward(all.views)), exact) < 0.06);
  });
}

TEST_CASE("sound: a tensor of another shape is refused, naming both shapes") {
  each_sound_model([](const Architecture& a, const Json& config, SoundHead head,
                      const fs::path& folder) {
    Tensors tensors = tiny_sound_tensors(a, config, head);
    const auto& [name, tensor] = *std::next(tensors.begin(), static_cast<long>(tensors.size() / 2));
    auto shape = tensor.sizes().vec();
    if (shape.empty()) return;
    const std::string wanted = shape_text(shape);
    shape[0] += 1;
    tensors[name] = at::zeros(shape);
    write_model(folder, config, tensors);
    const Error error = caught([&] { load_sound(folder, head); });
    CHECK(error.code == Errc::kBadData);
    CHECK(error.message == folder.string() + ": tensor '" + name + "' is " + shape_text(shape) +
                               " in the checkpoint, but config.json implies " + wanted);
  });
}

TEST_CASE("sound: a NaN is told with a place in the model") {
  each_sound_model([](const Architecture& a, const Json& config, SoundHead head,
                      const fs::path& folder) {
    Tensors tensors = tiny_sound_tensors(a, config, head);
    for (auto& [name, tensor] : tensors)
      if (name.ends_with("projection.weight") || name.ends_with("patch_embed.proj.weight")) {
        tensor.flatten()[0] = std::nan("");
        break;
      }
    write_model(folder, config, tensors);
    const auto model = load_sound(folder, head);
    const Error error = caught([&] { model->forward(some_sounds(a).views); });
    CHECK(error.code == Errc::kNotFinite);
    CHECK(error.message.starts_with("NaN"));
  });
}

TEST_CASE("sound: what the model cannot hear is refused") {
  each_sound_model([](const Architecture& a, const Json&, SoundHead head, const fs::path& folder) {
    const auto model = load_sound(folder, head);
    const Played wrong = played(3, {60});
    CHECK(error_of([&] { model->forward(wrong.views); }) ==
          "a sound has 3 numbers a frame, but the model hears " +
              std::to_string(some_sounds(a).views[0].bins));
    if (a.types[0] == "clap" || a.types[0] == "audio-spectrogram-transformer") return;
    CHECK(error_of([&] { model->forward(played(1, {29}).views); }) ==
          "a sound of 29 samples is too short for the model, which needs 30");
    CHECK(model->forward(played(1, {30}).views)[0].logits.rows == 1);
  });
}

TEST_CASE("sound: a model of CTC gives the moments the reference counts") {
  for (const Architecture* a : architectures())
    for (const SoundHead head : a->sound_heads) {
      if (head != SoundHead::kCtc) continue;
      const TempFolder folder;
      Json config = tiny_sound_config(std::string(a->types[0]));
      config.update({{"conv_dim", {2, 2, 2, 2, 2, 2, 2}},
                     {"conv_kernel", {10, 3, 3, 3, 3, 2, 2}},
                     {"conv_stride", {5, 2, 2, 2, 2, 2, 2}}});
      write_model(folder.path, config, tiny_sound_tensors(*a, config, head));
      const auto model = load_sound(folder.path, head);
      CHECK(model->stride() == 320);
      for (const auto& [samples, moments] : {std::pair{31439, 97}, {31440, 98}, {400, 1}})
        CHECK(model->forward(played(1, {samples}).views)[0].logits.rows == moments);
    }
}

}  // namespace hft::test
