// MaskFormer: DETR's decoder over the last map of a backbone, whose queries are masks of a pyramid of
// all maps. Paper: arXiv:2107.06278. Checked against the configs of facebook/maskformer-swin-base-coco.
#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/models/architecture.h"
#include "core/models/vision/detr.h"
#include "core/models/vision/mask_backbone.h"
#include "core/nn/group_norm.h"
#include "core/nn/pooling.h"

namespace hft {
namespace {

constexpr std::int64_t kNormGroups = 32;

// A convolution and the norm of its groups.
struct MaskformerConvNorm {
  Conv2d conv;
  GroupNorm norm;
  MaskformerConvNorm(const Weights& w, const Conv2d::Shape& shape)
      : conv(w / 0, shape, false), norm(w / 1, shape.out, kNormGroups) {}
  Cells operator()(const Cells& x, Activation activation = Activation::kNone) const {
    return norm(conv(x), activation);
  }
};

struct Pyramid {
  MaskformerConvNorm stem;
  std::vector<MaskformerConvNorm> laterals, blocks;  // from the coarsest to the finest
  Conv2d mask_projection;

  Pyramid(const std::vector<std::int64_t>& widths, std::int64_t size, std::int64_t mask_size,
          const Weights& w)
      : stem(w / "fpn" / "stem", {widths.back(), size, 3, 1, 1}),
        mask_projection(w / "mask_projection", {size, mask_size, 3, 1, 1}) {
    for (std::size_t i = 0; i + 1 < widths.size(); ++i) {
      const Weights at = w / "fpn" / "layers" / static_cast<std::int64_t>(i);
      laterals.emplace_back(at / "proj", Conv2d::Shape{widths[widths.size() - 2 - i], size});
      blocks.emplace_back(at / "block", Conv2d::Shape{size, size, 3, 1, 1});
    }
  }
  Cells operator()(const std::vector<Cells>& maps) const {
    Cells x = stem(maps.back(), Activation::kRelu);
    for (std::size_t i = 0; i < laterals.size(); ++i) {
      const Cells lateral = laterals[i](maps[maps.size() - 2 - i]);
      const Cells up = resized(x, lateral.grids, Resize::kNearest);
      x = blocks[i](lateral.with(lateral.x + up.x), Activation::kRelu);
    }
    return mask_projection(x);
  }
};

struct Transformer {
  DetrShape shape;
  Linear projection;
  bool projects;
  Tensor queries;  // [Q,D]
  DetrDecoder decoder;
  Transformer(const Fields& config, std::int64_t width, const Weights& w)
      : shape(config),
        projects(width != shape.size),
        queries((w / "queries_embedder").small("weight", {shape.queries, shape.size})),
        decoder(shape, w / "decoder") {
    if (projects)
      projection = Linear(w / "input_projection", {{"", shape.size, {.kernel = {width, 1, 1}}}}, width);
  }
  Tensor operator()(const Cells& map, const Pictures& pictures) const {  // [B*Q,D]
    const Cells x = projects ? map.with(projection(map.x)) : map;
    return decoder({x.x, x.x + sine_positions(x, shape.size), x.sequences()}, queries, pictures);
  }
};

ImageNet build_maskformer(const Fields& config, const Weights& w, ImageHead) {
  const Weights level = w / "model" / "pixel_level_module";
  (w / "criterion").ignore();
  const MaskBackbone backbone(config, level / "encoder", true);
  const auto mask_size = config.integer("mask_feature_size", 1, limits::kHidden, 256);
  const auto size = config.integer("fpn_feature_size", kNormGroups, limits::kHidden, 256);
  if (size % kNormGroups != 0)
    fail(Errc::kBadData, config.where(), ": 'fpn_feature_size' is ", size,
         ", wanted a multiple of ", kNormGroups);
  const Transformer transformer(config.object("decoder_config"), backbone.widths.back(),
                                w / "model" / "transformer_module");
  const auto hidden = transformer.shape.size, queries = transformer.shape.queries;
  std::vector<Linear> embedder;
  for (std::int64_t i = 0; i < 3; ++i)
    embedder.emplace_back(w / "mask_embedder" / i / 0,
                          std::array{i == 2 ? mask_size : hidden, hidden});
  ImageNet net{.channels = backbone.channels};
  net.see = [=, pyramid = Pyramid(backbone.widths, size, mask_size, level / "decoder"),
             classes = Linear(w / "class_predictor", {label_count(config) + 1, hidden})](
                const Pictures& pictures) {
    const auto maps = backbone.maps(pictures);
    const Tensor states = transformer(maps.back(), pictures);
    const Tensor logits = classes(states);
    Tensor masks = states;
    for (std::size_t i = 0; i < 3; ++i)
      masks = embedder[i](masks, i < 2 ? Activation::kRelu : Activation::kNone);
    const Cells cells = pyramid(maps);
    const Sequences seqs = cells.sequences();
    std::vector<SeenTensors> seen;
    for (std::int64_t b = 0; b < cells.count(); ++b) {
      const Tensor own = cells.x.narrow(0, seqs.starts[b], seqs.length(b));
      seen.push_back({.logits = logits.narrow(0, b * queries, queries),
                      .masks = at::matmul(masks.narrow(0, b * queries, queries).to(at::kFloat),
                                          own.to(at::kFloat).t())
                                   .view({queries, cells.grids[b].height, cells.grids[b].width})});
    }
    return seen;
  };
  return net;
}

constexpr ImageHead kMaskformerHeads[] = {ImageHead::kSegment};

}  // namespace

extern const Architecture maskformer{
    .types = {"maskformer"},
    .image = build_maskformer,
    .image_heads = kMaskformerHeads,
};

}  // namespace hft
