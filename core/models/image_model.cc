#include "core/models/image_model.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/models/passes.h"
#include "core/nn/finite.h"

namespace hft {
namespace {

constexpr std::int64_t kTogether = 16;  // passes of one forward, shared out over the cores

using Views = std::span<const PictureView>;

class NetModel : public ImageModel {
 public:
  NetModel(ImageNet net, Runtime runtime, std::vector<std::string> warnings)
      : net_(std::move(net)), runtime_(std::move(runtime)), warnings_(std::move(warnings)) {}

  std::vector<Seen> forward(Views pictures) override {
    std::vector<std::int64_t> sizes;
    for (const auto& p : pictures) {
      if (p.channels != net_.channels)
        fail(Errc::kBadData, "a picture has ", p.channels, " channels, but the model sees ",
             net_.channels);
      sizes.push_back(p.height * p.width);
    }
    return translate_errors([&] {
      std::vector<Seen> seen(pictures.size());
      in_passes(sizes, net_.pixels, runtime_, [&](std::size_t first, std::size_t count) {
        std::ranges::move(see(pictures.subspan(first, count)), seen.begin() + static_cast<long>(first));
      });
      return seen;
    });
  }

  std::int64_t together() const override { return kTogether; }
  const std::vector<std::string>& warnings() const override { return warnings_; }

  Matrix read(const TokenBatch& texts) override { return read_texts(net_.texts, texts, runtime_); }
  std::int64_t max_positions() const override { return net_.texts.positions; }
  Likeness likeness() const override { return likeness_of(net_.texts); }

 private:
  std::vector<Seen> see(Views views) const {
    Pictures pictures;
    for (const auto& p : views)
      pictures.pixels.push_back(at::from_blob(const_cast<float*>(p.data),
                                              {p.channels, p.height, p.width}, at::kFloat)
                                    .to(runtime_.device));
    std::vector<Seen> seen;
    bool finite = true;
    for (const SeenTensors& one : net_.see(pictures)) {
      seen.push_back({matrix_of(one.logits), matrix_of(one.boxes), matrix_of(one.masks)});
      if (one.masks.defined()) {
        seen.back().mask_height = one.masks.size(1);
        seen.back().mask_width = one.masks.size(2);
      }
      for (const Matrix* m : {&seen.back().logits, &seen.back().boxes, &seen.back().masks})
        finite = finite && all_finite(m->data);
    }
    if (!finite) fail_not_finite(std::move(pictures));
    return seen;
  }

  // Looks once more, at every layer's output.
  [[noreturn]] void fail_not_finite(Pictures pictures) const {
    pictures.watch = find_not_finite;
    net_.see(pictures);
    fail(Errc::kNotFinite, "NaN or infinity first shows in the output of the head");
  }

  ImageNet net_;
  Runtime runtime_;
  std::vector<std::string> warnings_;
};

}  // namespace

std::unique_ptr<ImageModel> make_image_model(ImageNet net, Runtime runtime,
                                             std::vector<std::string> warnings) {
  return std::make_unique<NetModel>(std::move(net), std::move(runtime), std::move(warnings));
}

}  // namespace hft
