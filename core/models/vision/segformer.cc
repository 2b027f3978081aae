// SegFormer: four stages of attention whose keys are of a coarser grid, and a light head over all of
// them that gives each label a map; or a classifier. Paper: arXiv:2105.15203. Checked against the
// configs of nvidia/segformer-b0-finetuned-ade-512-512, mattmdjaga/segformer_b2_clothes, nvidia/mit-b0.
#include <optional>

#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/models/architecture.h"
#include "core/models/vision/resnet.h"
#include "core/nn/attention.h"
#include "core/nn/norm.h"
#include "core/nn/pooling.h"

namespace hft {
namespace {

constexpr double kSegformerEps = 1e-5;  // of every norm, whatever config.json says

struct SegformerConfig {
  std::int64_t channels, stages, decoder;
  std::vector<std::int64_t> widths, depths, reductions, patches, strides, heads;
  std::vector<double> ffn;
  Activation activation;
  explicit SegformerConfig(const Fields& config)
      : channels(config.integer("num_channels", 1, 1024, 3)),
        stages(config.integer("num_encoder_blocks", 1, 16, 4)),
        decoder(config.integer("decoder_hidden_size", 1, limits::kHidden, 256)),
        widths(of(config, "hidden_sizes", {32, 64, 160, 256})),
        depths(of(config, "depths", {2, 2, 2, 2}, 0)),
        reductions(of(config, "sr_ratios", {8, 4, 2, 1})),
        patches(of(config, "patch_sizes", {7, 3, 3, 3})),
        strides(of(config, "strides", {4, 2, 2, 2})),
        heads(of(config, "num_attention_heads", {1, 2, 5, 8})),
        activation(activation_named(config.text("hidden_act", "gelu"), config.where())) {
    for (std::int64_t i = 0; i < stages; ++i) head_size(config, widths[i], heads[i]);
    for (const auto ratio : of(config, "mlp_ratios", {4, 4, 4, 4}))
      ffn.push_back(static_cast<double>(ratio));
  }

 private:
  std::vector<std::int64_t> of(const Fields& config, const std::string& key,
                               std::vector<std::int64_t> fallback, std::int64_t least = 1) const {
    auto all = integers(config, key, std::move(fallback), least, limits::kHidden);
    if (std::ssize(all) < stages)
      fail(Errc::kBadData, config.where(), ": '", key, "' is of ", all.size(), " stages, wanted ",
           stages);
    return all;
  }
};

struct SegformerLayer {
  LayerNorm norm1, norm2, norm_reduced;
  Linear query, key_value, output, first, second;
  std::optional<Conv2d> reduction;
  Conv2d near;
  std::int64_t heads;
  Activation activation;
  std::string path;
  SegformerLayer(const SegformerConfig& c, std::int64_t stage, const Weights& w)
      : norm1(w / "layer_norm_1", c.widths[stage], kSegformerEps),
        norm2(w / "layer_norm_2", c.widths[stage], kSegformerEps),
        query(w / "attention" / "self" / "query", {c.widths[stage], c.widths[stage]}),
        key_value(w / "attention" / "self", {{"key", c.widths[stage]}, {"value", c.widths[stage]}},
                  c.widths[stage]),
        output(w / "attention" / "output" / "dense", {c.widths[stage], c.widths[stage]}),
        first(w / "mlp" / "dense1", {inner(c, stage), c.widths[stage]}),
        second(w / "mlp" / "dense2", {c.widths[stage], inner(c, stage)}),
        near(w / "mlp" / "dwconv" / "dwconv",
             {inner(c, stage), inner(c, stage), 3, 1, 1, 1, inner(c, stage)}),
        heads(c.heads[stage]),
        activation(c.activation),
        path(w.path()) {
    const auto width = c.widths[stage], ratio = c.reductions[stage];
    if (ratio == 1) return;
    reduction.emplace(w / "attention" / "self" / "sr", Conv2d::Shape{width, width, ratio, ratio});
    norm_reduced = LayerNorm(w / "attention" / "self" / "layer_norm", width, kSegformerEps);
  }

  Cells operator()(const Cells& x) const {
    const Cells y = x.with(norm1(x.x));
    Cells keys = y;
    if (reduction) {
      keys = (*reduction)(y);
      keys.x = norm_reduced(keys.x);
    }
    const Tensor mixed =
        attend_across(query(y.x), key_value(keys.x), heads, y.sequences(), keys.sequences());
    const Tensor seen = output.plus(mixed, x.x);
    const Cells wide = near(x.with(first(norm2(seen))), activation);
    return x.with(second.plus(wide.x, seen));
  }

 private:
  static std::int64_t inner(const SegformerConfig& c, std::int64_t stage) {
    return static_cast<std::int64_t>(c.ffn[stage] * static_cast<double>(c.widths[stage]));
  }
};

struct SegformerStage {
  Conv2d patches;
  LayerNorm patches_norm, norm;
  std::vector<SegformerLayer> layers;
};

struct Encoder {
  std::vector<SegformerStage> stages;
  Encoder(const SegformerConfig& c, const Weights& w) {
    for (std::int64_t i = 0; i < c.stages; ++i) {
      const Weights patches = w / "patch_embeddings" / i;
      SegformerStage stage{
          Conv2d(patches / "proj", {i == 0 ? c.channels : c.widths[i - 1], c.widths[i],
                                    c.patches[i], c.strides[i], c.patches[i] / 2}),
          LayerNorm(patches / "layer_norm", c.widths[i], kSegformerEps),
          LayerNorm(w / "layer_norm" / i, c.widths[i], kSegformerEps),
          {}};
      for (std::int64_t b = 0; b < c.depths[i]; ++b)
        stage.layers.emplace_back(c, i, w / "block" / i / b);
      stages.push_back(std::move(stage));
    }
  }
  std::vector<Cells> operator()(const Pictures& pictures) const {
    Cells x = cells_of(pictures.pixels);
    std::vector<Cells> maps;
    for (const SegformerStage& stage : stages) {
      x = stage.patches(x);
      x.x = stage.patches_norm(x.x);
      for (const SegformerLayer& layer : stage.layers) {
        x = layer(x);
        pictures.note(layer.path, x.x);
      }
      x.x = stage.norm(x.x);
      maps.push_back(x);
    }
    return maps;
  }
};

struct DecodeHead {
  std::vector<Linear> linear_c;
  Conv2d fuse;
  Linear classifier;
  DecodeHead(const SegformerConfig& c, std::int64_t labels, const Weights& w)
      : fuse(w / "linear_fuse", {c.decoder * c.stages, c.decoder},
             BatchNorm(w / "batch_norm", c.decoder, 1e-5)),
        classifier(w / "classifier", {{"", labels, {.kernel = {c.decoder, 1, 1}}}}, c.decoder) {
    for (std::int64_t i = 0; i < c.stages; ++i)
      linear_c.emplace_back(w / "linear_c" / i / "proj", std::array{c.decoder, c.widths[i]});
  }
  Cells operator()(const std::vector<Cells>& maps) const {
    std::vector<Tensor> parts;
    for (std::size_t i = maps.size(); i-- > 0;)  // the last stage first
      parts.push_back(resized(maps[i].with(linear_c[i](maps[i].x)), maps[0].grids, Resize::kBilinear).x);
    const Cells fused = fuse(maps[0].with(at::concat(parts, 1)), Activation::kRelu);
    return fused.with(classifier(fused.x));
  }
};

ImageNet build_segformer(const Fields& config, const Weights& w, ImageHead head) {
  const SegformerConfig c(config);
  const auto labels = label_count(config);
  const Encoder encoder(c, w / "segformer" / "encoder");
  ImageNet net{.channels = c.channels, .pixels = kPassPixels};
  if (head == ImageHead::kClassify) {
    net.see = [encoder, classifier = Linear(w / "classifier", {labels, c.widths[c.stages - 1]})](
                  const Pictures& pictures) {
      return each_row(classifier(mean_of_each(encoder(pictures).back())));
    };
    return net;
  }
  net.see = [encoder, decode = DecodeHead(c, labels, w / "decode_head")](const Pictures& pictures) {
    const Cells logits = decode(encoder(pictures));
    std::vector<SeenTensors> seen;
    for (std::int64_t b = 0; b < logits.count(); ++b) seen.push_back({.masks = logits.plane(b)[0]});
    return seen;
  };
  return net;
}

constexpr ImageHead kSegformerHeads[] = {ImageHead::kSegment, ImageHead::kClassify};

}  // namespace

extern const Architecture segformer{
    .types = {"segformer"},
    .base = "segformer",
    .image = build_segformer,
    .image_heads = kSegformerHeads,
};

}  // namespace hft
