// EfficientNet (arXiv:1905.11946): blocks as MobileNet V2's, whose channels are weighed by what is in
// the whole picture (arXiv:1709.01507). Checked against the configs of google/efficientnet-b0 and -b7.
#include <algorithm>
#include <cmath>

#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/models/architecture.h"
#include "core/models/vision/resnet.h"
#include "core/nn/pooling.h"

namespace hft {
namespace {

struct EfficientNetConfig {
  double width, depth, squeeze, eps;
  std::int64_t divisor, channels;
  std::vector<std::int64_t> kernels, in, out, plain, strides, repeats, expansions;
  Activation activation;
  explicit EfficientNetConfig(const Fields& config)
      : width(config.real("width_coefficient", 1e-3, 1e3, 2)),
        depth(config.real("depth_coefficient", 1e-3, 1e3, 3.1)),
        squeeze(config.real("squeeze_expansion_ratio", 1e-6, 1e3, 0.25)),
        eps(config.real("batch_norm_eps", 0, 1, 1e-3)),
        divisor(config.integer("depth_divisor", 1, limits::kHidden, 8)),
        channels(config.integer("num_channels", 1, 1024, 3)),
        kernels(integers(config, "kernel_sizes", {3, 3, 5, 3, 5, 5, 3}, 1, 63)),
        in(integers(config, "in_channels", {32, 16, 24, 40, 80, 112, 192}, 1, limits::kHidden)),
        out(integers(config, "out_channels", {16, 24, 40, 80, 112, 192, 320}, 1, limits::kHidden)),
        plain(integers(config, "depthwise_padding", {}, 0, limits::kLayers)),
        strides(integers(config, "strides", {1, 2, 2, 2, 1, 2, 1}, 1, 2)),
        repeats(integers(config, "num_block_repeats", {1, 2, 2, 3, 3, 4, 1}, 1, limits::kLayers)),
        expansions(integers(config, "expand_ratios", {1, 6, 6, 6, 6, 6, 6}, 1, limits::kHidden)),
        activation(activation_named(config.text("hidden_act", "swish"), config.where())) {
    for (const auto* list : {&kernels, &out, &strides, &repeats, &expansions})
      if (in.empty() || list->size() != in.size())
        fail(Errc::kBadData, config.where(), ": 'in_channels' has ", in.size(), " stages, another list ",
             list->size(), ", wanted as many of all");
  }
  // A multiple of the divisor, at most a tenth less than asked for.
  std::int64_t rounded(std::int64_t filters) const {
    const double wanted = static_cast<double>(filters) * width;
    const double halfway = wanted + static_cast<double>(divisor) / 2;
    auto made = std::max(divisor, static_cast<std::int64_t>(halfway) / divisor * divisor);
    if (static_cast<double>(made) < 0.9 * wanted) made += divisor;
    return made;
  }
  std::int64_t repeated(std::size_t stage) const {
    return static_cast<std::int64_t>(std::ceil(depth * static_cast<double>(repeats[stage])));
  }
};

// Each picture's channels times numbers that follow from their means.
struct SqueezeExcite {
  Linear reduce, expand;
  Activation activation;
  SqueezeExcite(const Weights& w, std::int64_t size, std::int64_t inner, Activation activation)
      : reduce(w / "reduce", {{"", inner, {.kernel = {size, 1, 1}}}}, size),
        expand(w / "expand", {{"", size, {.kernel = {inner, 1, 1}}}}, inner),
        activation(activation) {}
  Cells operator()(const Cells& x) const {
    const Tensor shares = at::sigmoid(expand(reduce(mean_of_each(x), activation)));  // [B,C]
    std::vector<Tensor> parts;
    std::int64_t begin = 0;
    for (std::int64_t b = 0; b < x.count(); begin += x.grids[b++].cells())
      parts.push_back(x.x.narrow(0, begin, x.grids[b].cells()) * shares[b]);
    return x.with(at::concat(parts));
  }
};

struct EfficientNetStep {
  std::int64_t in, out, stride, kernel, expansion;
  bool adds;    // what comes in
  bool uneven;  // a stride leaves one row and column less of padding before than after
};

struct EfficientNetBlock {
  std::optional<Conv2d> expansion;
  Conv2d depthwise, projection;
  Margins margins;
  std::optional<SqueezeExcite> squeeze_excite;
  bool adds;
  Activation activation;
  std::string path;

  EfficientNetBlock(const EfficientNetConfig& c, const Weights& w, const EfficientNetStep& s)
      : adds(s.adds), activation(c.activation), path(w.path()) {
    const auto inner = s.in * s.expansion, half = s.kernel / 2;
    if (s.expansion != 1)
      expansion = Conv2d(w / "expansion" / "expand_conv", {s.in, inner},
                         BatchNorm(w / "expansion" / "expand_bn", inner, c.eps));
    const bool strides = s.stride == 2;
    if (strides) margins = {half - s.uneven, half, half - s.uneven, half};
    depthwise = Conv2d(w / "depthwise_conv" / "depthwise_conv",
                       {inner, inner, s.kernel, s.stride, strides ? 0 : half, 1, inner},
                       BatchNorm(w / "depthwise_conv" / "depthwise_norm", inner, c.eps));
    const auto squeezed = static_cast<std::int64_t>(static_cast<double>(s.in) * c.squeeze);
    squeeze_excite.emplace(w / "squeeze_excite", inner, std::max<std::int64_t>(1, squeezed), c.activation);
    projection = Conv2d(w / "projection" / "project_conv", {inner, s.out},
                        BatchNorm(w / "projection" / "project_bn", s.out, c.eps));
  }
  Cells operator()(const Cells& x) const {
    Cells y = expansion ? (*expansion)(x, activation) : x;
    if (margins.bottom > 0) y = with_margins(y, [&](const Grid&) { return margins; });
    y = (*squeeze_excite)(depthwise(y, activation));
    return adds ? projection.plus(y, x, Activation::kNone) : projection(y);
  }
};

std::vector<EfficientNetBlock> efficientnet_blocks(const EfficientNetConfig& c, const Weights& w) {
  std::vector<EfficientNetBlock> blocks;
  for (std::size_t i = 0; i < c.in.size(); ++i)
    for (std::int64_t j = 0; j < c.repeated(i); ++j) {
      const auto at = static_cast<std::int64_t>(blocks.size());
      const auto out = c.rounded(c.out[i]), stride = j > 0 ? 1 : c.strides[i];
      blocks.emplace_back(c, w / at,
                          EfficientNetStep{j > 0 ? out : c.rounded(c.in[i]), out, stride, c.kernels[i],
                                           c.expansions[i], j > 0, std::ranges::count(c.plain, at) == 0});
    }
  return blocks;
}

Tensor most_of_each(const Cells& x) {  // [B,C]
  std::vector<Tensor> rows;
  for (std::int64_t b = 0; b < x.count(); ++b) rows.push_back(x.plane(b).amax({2, 3}));
  return at::concat(rows);
}

ImageNet build_efficientnet(const Fields& config, const Weights& w, ImageHead) {
  const EfficientNetConfig c(config);
  const Weights base = w / "efficientnet";
  const auto first = c.rounded(32), last = c.rounded(1280),
             size = config.integer("hidden_dim", 1, limits::kHidden, 2560);
  if (size != last)
    fail(Errc::kBadData, config.where(), ": 'hidden_dim' is ", size,
         ", but 'width_coefficient' and 'depth_divisor' make ", last);
  const auto pooling = config.text("pooling_type", "mean");
  if (pooling != "mean" && pooling != "max")
    fail(Errc::kBadData, config.where(), ": 'pooling_type' is '", pooling, "', wanted mean or max");
  ImageNet net{.channels = c.channels, .pixels = kPassPixels};
  net.see = [stem = Conv2d(base / "embeddings" / "convolution", {c.channels, first, 3, 2},
                           BatchNorm(base / "embeddings" / "batchnorm", first, c.eps)),
             path = (base / "embeddings").path(), act = c.activation, means = pooling == "mean",
             blocks = efficientnet_blocks(c, base / "encoder" / "blocks"),
             top = Conv2d(base / "encoder" / "top_conv", {c.rounded(c.out.back()), last},
                          BatchNorm(base / "encoder" / "top_bn", last, c.eps)),
             classifier = Linear(w / "classifier", {label_count(config), size})](const Pictures& pictures) {
    const auto after = [](const Grid&) { return Margins{.bottom = 1, .right = 1}; };
    Cells x = stem(with_margins(cells_of(pictures.pixels), after), act);
    pictures.note(path, x.x);
    for (const auto& block : blocks) {
      x = block(x);
      pictures.note(block.path, x.x);
    }
    x = top(x, act);
    return each_row(classifier(means ? mean_of_each(x) : most_of_each(x)));
  };
  return net;
}

constexpr ImageHead kEfficientNetHeads[] = {ImageHead::kClassify};

}  // namespace

extern const Architecture efficientnet{
    .types = {"efficientnet"},
    .base = "efficientnet",
    .image = build_efficientnet,
    .image_heads = kEfficientNetHeads,
};

}  // namespace hft
