#include "core/models/image_model.h"

#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <atomic>

#include "core/base/error.h"
#include "core/nn/finite.h"
#include "core/nn/workers.h"

namespace hft {
namespace {

constexpr std::int64_t kTogether = 16;  // passes of one forward, shared out over the cores

using Views = std::span<const PictureView>;

// Pictures that go through one pass.
std::vector<Views> split(Views pictures, std::int64_t pixels, int workers) {
  std::int64_t all = 0;
  for (const auto& p : pictures) all += p.height * p.width;
  if (pixels > 0) pixels = std::min(pixels, (all + workers - 1) / workers);
  std::vector<Views> passes;
  std::size_t begin = 0;
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    sum += pictures[i].height * pictures[i].width;
    if (sum < pixels && i + 1 < pictures.size()) continue;
    passes.push_back(pictures.subspan(begin, i + 1 - begin));
    begin = i + 1;
    sum = 0;
  }
  return passes;
}

Matrix matrix_of(const Tensor& tensor) {
  if (!tensor.defined()) return {};
  const Tensor flat = tensor.flatten(1).to(at::kCPU, at::kFloat).contiguous();
  const auto* data = flat.const_data_ptr<float>();
  return {flat.size(0), flat.size(1), {data, data + flat.numel()}};
}

class NetModel : public ImageModel {
 public:
  NetModel(ImageNet net, Runtime runtime, std::vector<std::string> warnings)
      : net_(std::move(net)), runtime_(std::move(runtime)), warnings_(std::move(warnings)) {}

  std::vector<Seen> forward(Views pictures) override {
    for (const auto& p : pictures)
      if (p.channels != net_.channels)
        fail(Errc::kBadData, "a picture has ", p.channels, " channels, but the model sees ",
             net_.channels);
    return translate_errors([&] {
      const OnPool on(runtime_.pool.get());
      const int workers = runtime_.device.is_cpu() ? cores() : 1;
      const auto passes = split(pictures, net_.pixels, workers);
      std::vector<Seen> seen(pictures.size());
      std::atomic<std::size_t> next = 0;
      const auto work = [&](int) {
        const c10::InferenceMode no_gradients;
        std::optional<OnPool> alone;
        if (passes.size() > 1) alone.emplace(nullptr);
        for (std::size_t i; (i = next++) < passes.size();)
          std::ranges::move(see(passes[i]), seen.begin() + (passes[i].data() - pictures.data()));
      };
      on_each_core(std::max(1, std::min<int>(workers, passes.size())), work);
      return seen;
    });
  }

  std::int64_t together() const override { return kTogether; }
  const std::vector<std::string>& warnings() const override { return warnings_; }

  Matrix read(const TokenBatch& texts) override {
    if (!net_.read) fail(Errc::kUnsupported, "the model reads no texts");
    check(texts);
    return translate_errors([&] {
      const c10::InferenceMode no_gradients;
      const OnPool on(runtime_.pool.get());
      Tokens tokens;
      tokens.seqs.device = runtime_.device;
      tokens.seqs.starts.assign(texts.starts.begin(), texts.starts.end());
      tokens.ids = at::from_blob(const_cast<std::int32_t*>(texts.ids.data()),
                                 {static_cast<std::int64_t>(texts.ids.size())}, at::kInt)
                       .to(runtime_.device, at::kLong);
      Matrix vectors = matrix_of(net_.read(tokens));
      if (all_finite(vectors.data)) return vectors;
      tokens.watch = find_not_finite;
      net_.read(tokens);
      fail(Errc::kNotFinite, "NaN or infinity first shows in the vectors of texts");
    });
  }
  std::int64_t max_positions() const override { return net_.positions; }
  Likeness likeness() const override {
    const auto number = [](const Tensor& x, float none) {
      return x.defined() ? x.to(at::kCPU, at::kFloat).item<float>() : none;
    };
    return {number(net_.scale, 1), number(net_.bias, 0)};
  }

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

  void check(const TokenBatch& texts) const {
    for (std::int64_t b = 0; b < texts.size(); ++b) {
      const auto length = texts.starts[b + 1] - texts.starts[b];
      if (length < 1) fail(Errc::kBadData, "text ", b, " of the batch has no tokens");
      if (length > net_.positions)
        fail(Errc::kUsage, "a text has ", length, " tokens, but the model takes at most ",
             net_.positions);
    }
    for (auto id : texts.ids)
      if (id < 0 || id >= net_.vocab)
        fail(Errc::kBadData, "token id ", id, " is outside [0, ", net_.vocab, ") of the model");
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
