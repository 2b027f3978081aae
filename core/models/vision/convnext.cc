// ConvNeXT and its second version: each cell's neighbourhood of 7 x 7, channel by channel, then two
// products. Papers: arXiv:2201.03545, arXiv:2301.00808. Checked against the configs of
// facebook/convnext-tiny-224 and convnextv2-tiny-1k-224.
#include <optional>

#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/models/architecture.h"
#include "core/models/vision/resnet.h"
#include "core/nn/norm.h"

namespace hft {
namespace {

constexpr double kConvnextEps = 1e-6;  // of every norm but the last, whatever config.json says

struct ConvNextConfig {
  std::int64_t channels, patch;
  std::vector<std::int64_t> widths, depths;
  Activation activation;
  double eps;
  bool second, scaled;
  ConvNextConfig(const Fields& config, bool second)
      : channels(config.integer("num_channels", 1, 1024, 3)),
        patch(config.integer("patch_size", 1, 1024, 4)),
        widths(integers(config, "hidden_sizes", {96, 192, 384, 768}, 1, limits::kHidden)),
        depths(integers(config, "depths", {3, 3, 9, 3}, 0, limits::kLayers)),
        activation(activation_named(config.text("hidden_act", "gelu"), config.where())),
        eps(config.real("layer_norm_eps", 0, 1, 1e-12)),
        second(second),
        scaled(!second && config.real("layer_scale_init_value", 0, 1e6, 1e-6) > 0) {
    const auto stages = config.integer("num_stages", 1, 64, static_cast<std::int64_t>(widths.size()));
    if (stages != std::ssize(widths) || widths.size() != depths.size())
      fail(Errc::kBadData, config.where(), ": 'num_stages', 'hidden_sizes' and 'depths' are of ",
           stages, ", ", widths.size(), " and ", depths.size(), " stages");
  }
};

// Each channel by its strength in the picture, of that of all channels (the second version).
struct ResponseNorm {
  Tensor weight, bias;  // [C]
  ResponseNorm(const Weights& w, std::int64_t size)
      : weight(w.small("weight", {1, 1, 1, size})), bias(w.small("bias", {1, 1, 1, size})) {
    if (weight.defined()) weight = weight.flatten();
    if (bias.defined()) bias = bias.flatten();
  }
  Tensor operator()(const Tensor& x, const Sequences& seqs) const {
    std::vector<Tensor> parts;
    for (std::int64_t b = 0; b < seqs.count(); ++b) {
      const Tensor own = x.narrow(0, seqs.starts[b], seqs.length(b));
      const Tensor strength = own.to(at::kFloat).square().sum(0, true).sqrt();
      const Tensor share = strength / (strength.mean(1, true) + 1e-6);
      parts.push_back((own * share.to(own.scalar_type())) * weight + bias + own);
    }
    return at::concat(parts);
  }
};

struct ConvnextLayer {
  Conv2d near;
  LayerNorm norm;
  Linear first, second;
  Tensor scale;
  std::optional<ResponseNorm> response;
  Activation activation;
  std::string path;
  ConvnextLayer(const ConvNextConfig& c, std::int64_t width, const Weights& w)
      : near(w / "dwconv", {width, width, 7, 1, 3, 1, width}),
        norm(w / "layernorm", width, kConvnextEps),
        first(w / "pwconv1", {4 * width, width}),
        second(w / "pwconv2", {width, 4 * width}),
        scale(c.scaled ? w.small("layer_scale_parameter", {width}) : Tensor()),
        activation(c.activation),
        path(w.path()) {
    if (c.second) response.emplace(w / "grn", 4 * width);
  }
  Cells operator()(const Cells& x) const {
    Tensor y = first(norm(near(x).x), activation);
    if (response) y = (*response)(y, x.sequences());
    return x.with(scale.defined() ? x.x + second(y) * scale : second.plus(y, x.x));
  }
};

struct ConvnextStage {
  std::optional<LayerNorm> norm;
  Conv2d halving;
  std::vector<ConvnextLayer> layers;
};

struct ConvNext {
  Conv2d patches;
  LayerNorm patches_norm, norm;
  std::vector<ConvnextStage> stages;
  std::string path;

  ConvNext(const ConvNextConfig& c, const Weights& w)
      : patches(w / "embeddings" / "patch_embeddings", {c.channels, c.widths[0], c.patch, c.patch}),
        patches_norm(w / "embeddings" / "layernorm", c.widths[0], kConvnextEps),
        norm(w / "layernorm", c.widths.back(), c.eps),
        path((w / "embeddings").path()) {
    std::int64_t in = c.widths[0];
    for (std::size_t i = 0; i < c.widths.size(); ++i) {
      const Weights at = w / "encoder" / "stages" / static_cast<std::int64_t>(i);
      ConvnextStage stage;
      if (i > 0 || in != c.widths[i]) {
        stage.norm = LayerNorm(at / "downsampling_layer" / 0, in, kConvnextEps);
        stage.halving = Conv2d(at / "downsampling_layer" / 1, {in, c.widths[i], 2, 2});
      }
      for (std::int64_t b = 0; b < c.depths[i]; ++b)
        stage.layers.emplace_back(c, c.widths[i], at / "layers" / b);
      stages.push_back(std::move(stage));
      in = c.widths[i];
    }
  }

  Tensor operator()(const Pictures& pictures) const {  // -> [B,C]
    Cells x = patches(cells_of(pictures.pixels));
    x.x = patches_norm(x.x);
    pictures.note(path, x.x);
    for (const ConvnextStage& stage : stages) {
      if (stage.norm) x = stage.halving(x.with((*stage.norm)(x.x)));
      for (const ConvnextLayer& layer : stage.layers) {
        x = layer(x);
        pictures.note(layer.path, x.x);
      }
    }
    return norm(mean_of_each(x));
  }
};

ImageNet build_convnext(const Fields& config, const Weights& w, bool second,
                        std::string_view base) {
  const ConvNextConfig c(config, second);
  ImageNet net{.channels = c.channels, .pixels = kPassPixels};
  net.see = [net = ConvNext(c, w / base),
             classifier = Linear(w / "classifier", {label_count(config), c.widths.back()})](
                const Pictures& pictures) { return each_row(classifier(net(pictures))); };
  return net;
}

ImageNet build_first(const Fields& config, const Weights& w, ImageHead) {
  return build_convnext(config, w, false, "convnext");
}
ImageNet build_second(const Fields& config, const Weights& w, ImageHead) {
  return build_convnext(config, w, true, "convnextv2");
}

constexpr ImageHead kConvnextHeads[] = {ImageHead::kClassify};

}  // namespace

extern const Architecture convnext{
    .types = {"convnext"},
    .base = "convnext",
    .image = build_first,
    .image_heads = kConvnextHeads,
};
extern const Architecture convnextv2{
    .types = {"convnextv2"},
    .base = "convnextv2",
    .image = build_second,
    .image_heads = kConvnextHeads,
};

}  // namespace hft
