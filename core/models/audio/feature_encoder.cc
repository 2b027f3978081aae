// Frames lie as [T,C], so that what a kernel sees of them is one run of memory: a convolution is a
// product whose rows overlap. Group normalisation over time needs no frames but the covariance of
// the samples, since what it normalises is linear in them.
#include <c10/core/GradMode.h>
#include <c10/core/InferenceMode.h>

#include <atomic>

#include "core/base/error.h"
#include "core/models/audio/wav2vec2.h"
#include "core/nn/twins.h"
#include "core/nn/workers.h"

namespace hft {
namespace {

constexpr std::int64_t kPart = 16;  // last frames of a part: about a thousand of the first layer

struct Moments {
  Tensor mean, covariance;  // [k], [k,k] float64
};

// Of `count` windows of `kernel` samples, every `stride` from the first on.
Moments moments_of(const Tensor& samples, std::int64_t kernel, std::int64_t stride,
                   std::int64_t count) {
  const Tensor x = samples.cpu().contiguous();
  const auto* data = x.const_data_ptr<float>();
  const auto n = static_cast<double>(count);
  std::vector<double> mean(kernel), products(kernel * kernel), window(kernel);
  for (std::int64_t t = 0; t < count; ++t)
    for (std::int64_t i = 0; i < kernel; ++i) mean[i] += data[t * stride + i];
  for (double& m : mean) m /= n;
  for (std::int64_t t = 0; t < count; ++t) {
    for (std::int64_t i = 0; i < kernel; ++i) window[i] = data[t * stride + i] - mean[i];
    for (std::int64_t i = 0; i < kernel; ++i)
      for (std::int64_t j = 0; j <= i; ++j) products[i * kernel + j] += window[i] * window[j];
  }
  for (std::int64_t i = 0; i < kernel; ++i)
    for (std::int64_t j = 0; j <= i; ++j)
      products[i * kernel + j] = products[j * kernel + i] = products[i * kernel + j] / n;
  return {at::tensor(mean, at::kDouble).to(samples.device()),
          at::tensor(products, at::kDouble).view({kernel, kernel}).to(samples.device())};
}

std::int64_t frames_after(std::int64_t frames, std::int64_t kernel, std::int64_t stride) {
  return frames < kernel ? 0 : (frames - kernel) / stride + 1;
}

}  // namespace

FeatureEncoder::FeatureEncoder(const SpeechConfig& c, const Weights& w)
    : activation(c.conv_activation), path(w.path()) {
  std::int64_t in = 1;
  for (std::size_t i = 0; i < c.conv_dim.size(); ++i) {
    const Weights at = w / static_cast<std::int64_t>(i);
    const auto kernel = c.conv_kernel[i], out = c.conv_dim[i];
    const Linear::Part part{.name = "", .out = out, .stored = {.taps = kernel}};
    Layer layer{.conv = Linear(at / "conv", std::vector{part}, in * kernel, c.conv_bias),
                .kernel = kernel,
                .stride = c.conv_stride[i]};
    if (c.norm_each) layer.norm = LayerNorm(at / "layer_norm", out, 1e-5);
    conv_layers.push_back(std::move(layer));
    in = out;
  }
  if (c.norm_each) return;
  const auto out = c.conv_dim[0];
  norm_weight = (w / 0 / "layer_norm").get("weight", {out});
  norm_bias = (w / 0 / "layer_norm").get("bias", {out});
  first_weight = (w / 0 / "conv").get("weight", {out, 1, c.conv_kernel[0]});
  if (c.conv_bias) first_bias = (w / 0 / "conv").get("bias", {out});
}

Tensor FeatureEncoder::Layer::operator()(const Tensor& x, std::int64_t count,
                                         Activation activation) const {
  const Tensor from = x.scalar_type() == at::kHalf && kernel_computes(x) ? x.to(at::kFloat) : x;
  const auto channels = from.size(1);
  return conv(from.as_strided({count, kernel * channels}, {stride * channels, 1}), activation);
}

std::int64_t FeatureEncoder::frames_of(std::int64_t samples) const {
  auto frames = samples;
  for (const Layer& layer : conv_layers) frames = frames_after(frames, layer.kernel, layer.stride);
  if (frames > 0) return frames;
  std::int64_t least = 1;
  for (auto layer = conv_layers.rbegin(); layer != conv_layers.rend(); ++layer)
    least = (least - 1) * layer->stride + layer->kernel;
  fail(Errc::kBadData, "a sound of ", samples, samples == 1 ? " sample" : " samples",
       " is too short for the model, which needs ", least);
}

// y = scale * conv(x) + shift. Its variance is w C w^T where C is the samples' covariance.
FeatureEncoder::Affine FeatureEncoder::group_norm(const Tensor& samples) const {
  if (!norm_weight.defined()) return {};
  constexpr double kEps = 1e-5;  // PyTorch's default
  const Layer& first = conv_layers[0];
  const Moments m = moments_of(samples, first.kernel, first.stride,
                               frames_after(samples.size(0), first.kernel, first.stride));
  const Tensor weight = first_weight.to(at::kDouble).flatten(1);  // [C,k]
  Tensor mean = weight.matmul(m.mean);
  if (first_bias.defined()) mean = mean + first_bias.to(at::kDouble);
  const Tensor variance = (weight.matmul(m.covariance) * weight).sum(1);
  const Tensor scale = norm_weight.to(at::kDouble) * at::rsqrt(variance + kEps);
  const Tensor shift = norm_bias.to(at::kDouble) - mean * scale;
  return {scale.to(at::kFloat), shift.to(at::kFloat)};
}

// The last frames [begin, begin + count) of one sound, samples [T,1].
Tensor FeatureEncoder::frames(const Tensor& samples, std::int64_t begin, std::int64_t count,
                              const Affine& norm) const {
  std::vector<std::int64_t> counts(conv_layers.size());
  for (std::size_t i = conv_layers.size(); i-- > 0;) {
    counts[i] = count;
    count = (count - 1) * conv_layers[i].stride + conv_layers[i].kernel;
    begin *= conv_layers[i].stride;
  }
  Tensor x = samples.narrow(0, begin, count);
  for (std::size_t i = 0; i < conv_layers.size(); ++i) {
    const Layer& layer = conv_layers[i];
    const bool grouped = i == 0 && norm.scale.defined();
    if (!grouped && !layer.norm.weight.defined()) {
      x = layer(x, counts[i], activation);
      continue;
    }
    x = layer(x, counts[i], Activation::kNone);
    x = grouped ? at::addcmul(norm.shift, x.to(at::kFloat), norm.scale).to(x.scalar_type())
                : layer.norm(x);
    x = activate(x, activation);
  }
  return x;
}

Tensor FeatureEncoder::operator()(const SoundBatch& sounds, Sequences& seqs) const {
  struct Part {
    std::size_t sound;
    std::int64_t begin, count;
  };
  std::vector<Part> parts;
  std::vector<Affine> norms;
  const Tensor& first = sounds.features.front();
  const bool kernel = kernel_computes(first) && !c10::GradMode::is_enabled();
  seqs.device = first.device();
  for (std::size_t b = 0; b < sounds.features.size(); ++b) {
    const auto count = frames_of(sounds.features[b].size(0));
    seqs.starts.push_back(seqs.starts.back() + count);
    const auto step = kernel ? kPart : count;
    for (std::int64_t begin = 0; begin < count; begin += step)
      parts.push_back({b, begin, std::min(step, count - begin)});
    norms.push_back(group_norm(sounds.features[b]));
  }
  std::vector<Tensor> made(parts.size());
  std::atomic<std::size_t> next = 0;
  const bool inference = c10::InferenceMode::is_enabled();
  const auto work = [&](int) {
    const c10::InferenceMode as_caller(inference);
    std::optional<OnPool> alone;
    if (kernel) alone.emplace(nullptr);
    for (std::size_t i; (i = next++) < parts.size();)
      made[i] = frames(sounds.features[parts[i].sound], parts[i].begin, parts[i].count,
                       norms[parts[i].sound]);
  };
  on_each_core(kernel ? std::max(1, std::min<int>(cores(), static_cast<int>(parts.size()))) : 1,
               work);
  return at::concat(made);
}

}  // namespace hft
