// MobileNet V3 against timm itself, its weights and pictures the numbers of a formula
// (scripts/golden/timm_mobilenet.py).
#include <algorithm>
#include <cmath>

#include "core/models/heads/image.h"
#include "core/models/registry.h"
#include "tests/core/models/tiny.h"

namespace hft::test {
namespace {

constexpr double kTimmTolerance = 2e-4;

std::vector<float> sines(const std::string& name, at::IntArrayRef shape) {
  std::int64_t count = 1, fan_in = 1, first = 0;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    count *= shape[i];
    if (i > 0) fan_in *= shape[i];
  }
  for (const char c : name) first += static_cast<unsigned char>(c);
  first %= 97;
  std::vector<float> numbers;
  for (std::int64_t i = 0; i < count; ++i) {
    const double small = 0.2 * std::sin(1.3 * static_cast<double>(i) + static_cast<double>(first));
    double number = name.ends_with("running_var") ? 1 + std::abs(small)
                    : name.ends_with("weight")    ? 1 + small
                                                  : small;
    if (shape.size() > 1)
      number = std::sin(static_cast<double>(i * i % 1009 + first)) *
               std::sqrt(3.0 / static_cast<double>(fan_in));
    numbers.push_back(static_cast<float>(number));
  }
  return numbers;
}

}  // namespace

TEST_CASE("timm: MobileNets V3 give what timm's give") {
  const auto* timm = *std::ranges::find_if(
      architectures(), [](const Architecture* a) { return a->types[0] == "timm_wrapper"; });
  const Json cases = Json::parse(slurp(golden("timm-mobilenet") / "cases.json"));
  std::string written;
  const TempFolder folder;
  std::unique_ptr<ImageModel> model;
  for (const Json& row : cases) {
    const auto name = row["name"].get<std::string>();
    CAPTURE(name);
    if (name != written) {
      const Json config{{"model_type", "timm_wrapper"}, {"architecture", name}, {"num_labels", 7}};
      Tensors tensors = tiny_image_tensors(*timm, config, ImageHead::kClassify);
      for (auto& [place, tensor] : tensors) {
        std::vector<float> numbers = sines(place.substr(place.find('.') + 1), tensor.sizes());
        tensor = at::from_blob(numbers.data(), tensor.sizes(), at::kFloat).clone();
      }
      write_model(folder.path, config, tensors);
      model = load_model<ImageModel>({.folder = folder.path, .image_head = ImageHead::kClassify, .device = "cpu"});
      written = name;
    }
    const auto height = row["height"].get<std::int64_t>(), width = row["width"].get<std::int64_t>();
    std::vector<float> pixels(static_cast<std::size_t>(3 * height * width));
    for (std::size_t i = 0; i < pixels.size(); ++i)
      pixels[i] = static_cast<float>(std::sin(static_cast<double>(i) * 0.01));
    const PictureView view{3, height, width, pixels.data()};
    const auto seen = model->forward({&view, 1});
    CHECK(distance(seen[0].logits.data, row["logits"].get<std::vector<float>>()) < kTimmTolerance);
  }
}

}  // namespace hft::test
