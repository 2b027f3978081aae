// MobileNet V1 (arXiv:1704.04861) and V2 (arXiv:1801.04381): convolutions of each channel by itself,
// then products of the channels. Checked against the configs of google/mobilenet_v1_1.0_224 and
// google/mobilenet_v2_1.0_224.
#include <cmath>

#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/models/architecture.h"
#include "core/models/vision/resnet.h"
#include "core/nn/pooling.h"

namespace hft {
namespace {

struct MobileNetConfig {
  double multiplier, eps, expansion;
  std::int64_t channels, least, divisor, output_stride;
  bool same;  // padding as TensorFlow's: more after a picture than before it
  Activation activation;
  explicit MobileNetConfig(const Fields& config)
      : multiplier(config.real("depth_multiplier", 1e-3, 1e3, 1)),
        eps(config.real("layer_norm_eps", 0, 1, 1e-3)),
        expansion(config.real("expand_ratio", 1e-3, 1e3, 6)),
        channels(config.integer("num_channels", 1, 1024, 3)),
        least(config.integer("min_depth", 1, limits::kHidden, 8)),
        divisor(config.integer("depth_divisible_by", 1, limits::kHidden, 8)),
        output_stride(config.integer("output_stride", 1, 1 << 20, 32)),
        same(config.boolean("tf_padding", true)),
        activation(activation_named(config.text("hidden_act", "relu6"), config.where())) {}

  // V2's widths are whole multiples of a divisor, at most a tenth less than asked for.
  std::int64_t divisible(double width) const {
    const auto wanted = static_cast<std::int64_t>(std::nearbyint(width));
    const auto halfway = static_cast<double>(wanted) + static_cast<double>(divisor) / 2;
    auto made = std::max(least, static_cast<std::int64_t>(halfway) / divisor * divisor);
    if (static_cast<double>(made) < 0.9 * static_cast<double>(wanted)) made += divisor;
    return made;
  }
  std::int64_t scaled(std::int64_t width) const {
    return divisible(static_cast<double>(width) * multiplier);
  }
};

// A convolution, the norm after it and, `active`, the activation.
struct MobileNetConv {
  Conv2d conv;
  Conv2d::Shape shape;
  bool pads, active;
  Activation activation;
  MobileNetConv(const MobileNetConfig& c, const Weights& w, Conv2d::Shape wanted, bool active = true)
      : shape(wanted), pads(c.same && wanted.stride > 1), active(active), activation(c.activation) {
    if (!pads) shape.padding = (shape.kernel - 1) / 2 * shape.dilation;
    conv = Conv2d(w / "convolution", shape, BatchNorm(w / "normalization", shape.out, c.eps));
  }
  Cells operator()(const Cells& x) const {
    return conv(pads ? with_margins(x, [&](const Grid& grid) { return margins(grid); }) : x,
                active ? activation : Activation::kNone);
  }

 private:
  Margins margins(const Grid& grid) const {
    const auto along = [&](std::int64_t size) {
      const auto rest = size % shape.stride;
      return std::max<std::int64_t>(shape.kernel - (rest == 0 ? shape.stride : rest), 0);
    };
    const auto high = along(grid.height), wide = along(grid.width), by = shape.dilation;
    return {high / 2 * by, (high - high / 2) * by, wide / 2 * by, (wide - wide / 2) * by};
  }
};

// Wider, each channel by itself, narrower; added to what comes in where sizes allow.
struct InvertedResidual {
  std::vector<MobileNetConv> convs;
  bool residual = false;
  std::string path;
  Cells operator()(const Cells& x) const {
    Cells y = x;
    for (const auto& conv : convs) y = conv(y);
    return residual ? y.with(y.x + x.x) : y;
  }
};

struct MobileNetStep {
  std::int64_t in, out, stride, dilation;
};

InvertedResidual inverted_residual(const MobileNetConfig& c, const Weights& w, const MobileNetStep& s) {
  const auto inner = c.divisible(static_cast<double>(s.in) * c.expansion);
  InvertedResidual block{.residual = s.stride == 1 && s.in == s.out, .path = w.path()};
  block.convs.emplace_back(c, w / "expand_1x1", Conv2d::Shape{s.in, inner});
  block.convs.emplace_back(c, w / "conv_3x3",
                           Conv2d::Shape{inner, inner, 3, s.stride, 0, s.dilation, inner});
  block.convs.emplace_back(c, w / "reduce_1x1", Conv2d::Shape{inner, s.out}, false);
  return block;
}

InvertedResidual mobilenet_stem(const MobileNetConfig& c, const Weights& w, bool expands,
                                std::int64_t out) {
  const auto inner = c.scaled(32);
  InvertedResidual stem{.path = w.path()};
  stem.convs.emplace_back(c, w / "first_conv", Conv2d::Shape{c.channels, inner, 3, 2});
  if (expands) stem.convs.emplace_back(c, w / "expand_1x1", Conv2d::Shape{inner, inner});
  stem.convs.emplace_back(c, w / "conv_3x3", Conv2d::Shape{inner, inner, 3, 1, 0, 1, inner});
  stem.convs.emplace_back(c, w / "reduce_1x1", Conv2d::Shape{inner, out}, false);
  return stem;
}

ImageNet mobilenet_net(const Fields& config, std::int64_t channels, std::vector<InvertedResidual> blocks,
                       std::int64_t size, const Weights& w) {
  ImageNet net{.channels = channels, .pixels = kPassPixels};
  net.see = [blocks = std::move(blocks), classifier = Linear(w / "classifier", {label_count(config), size})](
                const Pictures& pictures) {
    Cells x = cells_of(pictures.pixels);
    for (const auto& block : blocks) {
      x = block(x);
      pictures.note(block.path, x.x);
    }
    return each_row(classifier(mean_of_each(x)));
  };
  return net;
}

ImageNet build_mobilenet_v2(const Fields& config, const Weights& w, ImageHead) {
  const MobileNetConfig c(config);
  constexpr std::int64_t kWidths[] = {16, 24, 24, 32, 32, 32, 64, 64, 64, 64, 96, 96, 96, 160, 160, 160, 320};
  constexpr std::int64_t kStrides[] = {2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1};
  const Weights base = w / "mobilenet_v2";
  std::vector<InvertedResidual> blocks{mobilenet_stem(
      c, base / "conv_stem", !config.boolean("first_layer_is_expansion", true), c.scaled(kWidths[0]))};
  std::int64_t stride = 2, dilation = 1;  // of all so far; of what comes in place of more of it
  for (std::size_t i = 0; i < std::size(kStrides); ++i) {
    const bool dilates = stride == c.output_stride;
    blocks.push_back(inverted_residual(c, base / "layer" / static_cast<std::int64_t>(i),
                                       {c.scaled(kWidths[i]), c.scaled(kWidths[i + 1]),
                                        dilates ? 1 : kStrides[i], dilates ? dilation : 1}));
    (dilates ? dilation : stride) *= kStrides[i];
  }
  constexpr std::int64_t kLast = 1280;
  const bool whole = config.boolean("finegrained_output", true) && c.multiplier < 1;
  const auto size = whole ? kLast : c.scaled(kLast);
  InvertedResidual last{.path = (base / "conv_1x1").path()};
  last.convs.emplace_back(c, base / "conv_1x1", Conv2d::Shape{c.scaled(kWidths[16]), size});
  blocks.push_back(std::move(last));
  return mobilenet_net(config, c.channels, std::move(blocks), size, w);
}

ImageNet build_mobilenet_v1(const Fields& config, const Weights& w, ImageHead) {
  const MobileNetConfig c(config);
  constexpr std::int64_t kStrides[] = {1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1};
  const auto width = [&](std::int64_t depth) {
    return std::max(static_cast<std::int64_t>(static_cast<double>(depth) * c.multiplier), c.least);
  };
  const Weights base = w / "mobilenet_v1";
  std::int64_t depth = 32, out = width(depth);
  InvertedResidual stem{.path = (base / "conv_stem").path()};
  stem.convs.emplace_back(c, base / "conv_stem", Conv2d::Shape{c.channels, out, 3, 2});
  std::vector<InvertedResidual> blocks{std::move(stem)};
  for (std::int64_t i = 0; i < std::ssize(kStrides); ++i) {
    const auto in = out, stride = kStrides[i];
    if (stride == 2 || i == 0) out = width(depth *= 2);
    const Weights layer = base / "layer";
    InvertedResidual block{.path = (layer / (2 * i)).path()};
    block.convs.emplace_back(c, layer / (2 * i), Conv2d::Shape{in, in, 3, stride, 0, 1, in});
    block.convs.emplace_back(c, layer / (2 * i + 1), Conv2d::Shape{in, out});
    blocks.push_back(std::move(block));
  }
  return mobilenet_net(config, c.channels, std::move(blocks), out, w);
}

constexpr ImageHead kMobileNetHeads[] = {ImageHead::kClassify};

}  // namespace

extern const Architecture mobilenet_v1{
    .types = {"mobilenet_v1"},
    .base = "mobilenet_v1",
    .image = build_mobilenet_v1,
    .image_heads = kMobileNetHeads,
};

extern const Architecture mobilenet_v2{
    .types = {"mobilenet_v2"},
    .base = "mobilenet_v2",
    .image = build_mobilenet_v2,
    .image_heads = kMobileNetHeads,
};

}  // namespace hft
