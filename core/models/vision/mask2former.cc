// Mask2Former: maps of a backbone refined by deformable attention, and queries each of which looks
// only where its mask of the layer before was. Paper: arXiv:2112.01527. Checked against the configs
// of facebook/mask2former-swin-base-coco-panoptic and mask2former-swin-tiny-cityscapes-semantic.
#include <cmath>

#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/models/architecture.h"
#include "core/models/vision/detr.h"
#include "core/models/vision/mask_backbone.h"
#include "core/nn/attention.h"
#include "core/nn/deformable_attention.h"
#include "core/nn/group_norm.h"
#include "core/nn/pooling.h"

namespace hft {
namespace {

constexpr std::int64_t kLevels = 3, kPoints = 4, kGroups = 32;

struct MaskConfig {
  std::int64_t size, mask_size, hidden, heads, queries, encoder_layers, decoder_layers, encoder_ffn,
      decoder_ffn, finer;  // levels between the encoder's finest and the masks'
  Activation activation;
  bool norm_first, projects;
  explicit MaskConfig(const Fields& config)
      : size(config.integer("feature_size", 4, limits::kHidden, 256)),
        mask_size(config.integer("mask_feature_size", 1, limits::kHidden, 256)),
        hidden(config.integer("hidden_dim", 4, limits::kHidden, 256)),
        heads(config.integer("num_attention_heads", 1, limits::kHidden, 8)),
        queries(config.integer("num_queries", 1, 100'000, 100)),
        encoder_layers(config.integer("encoder_layers", 0, limits::kLayers, 6)),
        decoder_layers(config.integer("decoder_layers", 1, limits::kLayers, 10) - 1),
        encoder_ffn(config.integer("encoder_feedforward_dim", 1, limits::kHidden, 1024)),
        decoder_ffn(config.integer("dim_feedforward", 1, limits::kHidden, 2048)),
        activation(activation_named(config.text("activation_function", "relu"), config.where())),
        norm_first(config.boolean("pre_norm", false)),
        projects(config.boolean("enforce_input_projection", false) || size != hidden) {
    head_size(config, size, heads);
    head_size(config, hidden, heads);
    const auto strides = integers(config, "feature_strides", {4, 8, 16, 32}, 1, 1 << 20);
    const auto common = config.integer("common_stride", 1, 1 << 20, 4);
    if (std::ssize(strides) < kLevels || norm_first || size % kGroups != 0)
      fail(Errc::kUnsupported, config.where(), ": 'feature_strides' of ", strides.size(),
           " levels, 'pre_norm' ", norm_first, " and 'feature_size' ", size,
           " are not supported together, wanted 3 levels or more, false and a multiple of ", kGroups);
    const auto finest = *std::min_element(strides.end() - kLevels, strides.end());
    finer = static_cast<std::int64_t>(std::log2(finest) - std::log2(common));
  }
};

// A convolution and the norm of its groups.
struct Mask2formerConvNorm {
  Conv2d conv;
  GroupNorm norm;
  Mask2formerConvNorm(const Weights& w, const Conv2d::Shape& shape, bool bias)
      : conv(w / 0, shape, bias), norm(w / 1, shape.out, kGroups) {}
  Cells operator()(const Cells& x, Activation activation = Activation::kNone) const {
    return norm(conv(x), activation);
  }
};

struct Mask2formerEncoderLayer {
  Linear offsets, weights, value, output, fc1, fc2;
  LayerNorm self_attn_norm, final_norm;
  std::int64_t heads;
  std::string path;
  Mask2formerEncoderLayer(const MaskConfig& c, const Weights& w)
      : offsets(w / "self_attn" / "sampling_offsets", {c.heads * kLevels * kPoints * 2, c.size}),
        weights(w / "self_attn" / "attention_weights", {c.heads * kLevels * kPoints, c.size}),
        value(w / "self_attn" / "value_proj", {c.size, c.size}),
        output(w / "self_attn" / "output_proj", {c.size, c.size}),
        fc1(w / "fc1", {c.encoder_ffn, c.size}),
        fc2(w / "fc2", {c.size, c.encoder_ffn}),
        self_attn_norm(w / "self_attn_layer_norm", c.size, 1e-5),
        final_norm(w / "final_layer_norm", c.size, 1e-5),
        heads(c.heads),
        path(w.path()) {}
  Tensor operator()(const Tensor& x, const Tensor& positions,
                    const std::vector<Grid>& levels) const {
    const Tensor placed = x + positions;
    const Tensor mixed =
        attend_deformably(value(x), offsets(placed), weights(placed), levels, heads);
    const Tensor y = self_attn_norm(x + output(mixed));
    return final_norm(y + fc2(fc1(y, Activation::kRelu)));
  }
};

// What the pixel decoder makes of one picture.
struct Decoded {
  std::vector<Cells> levels;  // the coarsest first
  Cells masks;
};

struct PixelDecoder {
  std::vector<Mask2formerConvNorm> projections, laterals, outputs;
  Tensor level_embed;  // [levels, D]
  std::vector<Mask2formerEncoderLayer> layers;
  Linear mask_projection;
  std::int64_t size;

  PixelDecoder(const MaskConfig& c, const std::vector<std::int64_t>& widths, const Weights& w)
      : level_embed(w.small("level_embed", {kLevels, c.size})),
        mask_projection(w / "mask_projection", {{"", c.mask_size, {.kernel = {c.size, 1, 1}}}}, c.size),
        size(c.size) {
    const auto stages = static_cast<std::int64_t>(widths.size());
    for (std::int64_t i = 0; i < kLevels; ++i)
      projections.emplace_back(w / "input_projections" / i,
                               Conv2d::Shape{widths[stages - 1 - i], c.size}, true);
    for (std::int64_t i = 0; i < c.encoder_layers; ++i)
      layers.emplace_back(c, w / "encoder" / "layers" / i);
    for (std::int64_t i = 0; i < c.finer; ++i) {
      const std::string number = std::to_string(i + 1);
      laterals.emplace_back(w / ("adapter_" + number), Conv2d::Shape{widths[i], c.size}, false);
      outputs.emplace_back(w / ("layer_" + number), Conv2d::Shape{c.size, c.size, 3, 1, 1}, false);
    }
  }

  Decoded operator()(const std::vector<Cells>& maps, const Pictures& pictures) const {
    std::vector<Tensor> parts, places;
    std::vector<Grid> grids;
    for (std::int64_t i = 0; i < kLevels; ++i) {
      const Cells level = projections[i](maps[maps.size() - 1 - i]);
      grids.push_back(level.grids[0]);
      parts.push_back(level.x);
      places.push_back(sine_positions(level, size) + level_embed[i]);
    }
    Tensor x = at::concat(parts);
    const Tensor positions = at::concat(places);
    for (const auto& layer : layers) {
      x = layer(x, positions, grids);
      pictures.note(layer.path, x);
    }
    Decoded decoded;
    std::int64_t begin = 0;
    for (const Grid& grid : grids) {
      decoded.levels.push_back({x.narrow(0, begin, grid.cells()), {grid}});
      begin += grid.cells();
    }
    Cells finest = decoded.levels.back();
    for (std::size_t i = laterals.size(); i-- > 0;) {
      const Cells lateral = laterals[i](maps[i]);
      const Cells up = resized(finest, lateral.grids, Resize::kBilinear);
      finest = outputs[i](lateral.with(lateral.x + up.x), Activation::kRelu);
    }
    decoded.masks = finest.with(mask_projection(finest.x));
    return decoded;
  }
};

struct DecoderLayer {
  Linear cross_query, cross_key, cross_value, cross_output, fc1, fc2;
  DetrAttention self_attn;
  LayerNorm cross_attn_norm, self_attn_norm, final_norm;
  std::int64_t heads;
  Activation activation;
  std::string path;
  DecoderLayer(const MaskConfig& c, const Weights& w)
      : cross_query(part(c, w / "cross_attn", 0)),
        cross_key(part(c, w / "cross_attn", 1)),
        cross_value(part(c, w / "cross_attn", 2)),
        cross_output(w / "cross_attn" / "out_proj", {c.hidden, c.hidden}),
        fc1(w / "fc1", {c.decoder_ffn, c.hidden}),
        fc2(w / "fc2", {c.hidden, c.decoder_ffn}),
        self_attn(w / "self_attn", c.hidden, c.heads),
        cross_attn_norm(w / "cross_attn_layer_norm", c.hidden, 1e-5),
        self_attn_norm(w / "self_attn_layer_norm", c.hidden, 1e-5),
        final_norm(w / "final_layer_norm", c.hidden, 1e-5),
        heads(c.heads),
        activation(c.activation),
        path(w.path()) {}

  // A level's cells, the same with their positions, and which of them each query sees.
  struct Level {
    Tensor x, placed, bias;
    Sequences cells;
  };
  Tensor operator()(const Tensor& x, const Tensor& positions, const Sequences& queries,
                    const Level& level) const {
    const Tensor keys_values = at::concat({cross_key(level.placed), cross_value(level.x)}, 1);
    const Tensor seen = attend_across(cross_query(x + positions), keys_values, heads, queries,
                                      level.cells, {level.bias});
    Tensor y = cross_attn_norm(x + cross_output(seen));
    y = self_attn_norm(y + self_attn.output(self_attn(y, positions, queries)));
    return final_norm(y + fc2(fc1(y, activation)));
  }

 private:
  static Linear part(const MaskConfig& c, const Weights& w, std::int64_t i) {
    return Linear(w,
                  {{"in_proj", c.hidden,
                    {.begin = i * c.hidden, .of = 3 * c.hidden, .fused = true}}},
                  c.hidden);
  }
};

struct MaskedDecoder {
  Tensor positions, features, level_embed;  // [Q,D], [Q,D], [levels,D]
  std::vector<Linear> projections;          // of the levels; empty: none
  std::vector<DecoderLayer> layers;
  LayerNorm norm;
  std::vector<Linear> mask_embedder;
  std::int64_t size;

  MaskedDecoder(const MaskConfig& c, const Weights& w)
      : positions((w / "queries_embedder").small("weight", {c.queries, c.hidden})),
        features((w / "queries_features").small("weight", {c.queries, c.hidden})),
        level_embed((w / "level_embed").small("weight", {kLevels, c.hidden})),
        norm(w / "decoder" / "layernorm", c.hidden, 1e-5),
        size(c.hidden) {
    // The reference keeps these outside of its module, so that no checkpoint has them.
    if (c.projects)
      fail(Errc::kUnsupported, "'enforce_input_projection', or a feature_size other than hidden_dim, ",
           "is not supported");
    for (std::int64_t i = 0; i < c.decoder_layers; ++i)
      layers.emplace_back(c, w / "decoder" / "layers" / i);
    for (std::int64_t i = 0; i < 3; ++i)
      mask_embedder.emplace_back(w / "decoder" / "mask_predictor" / "mask_embedder" / i / 0,
                                 std::array{i == 2 ? c.mask_size : c.hidden, c.hidden});
  }

  struct Answer {
    Tensor states, masks;  // [Q,D], [Q,h,w]
  };
  Answer operator()(const Decoded& decoded, const Pictures& pictures) const {
    std::vector<DecoderLayer::Level> levels;
    for (std::int64_t i = 0; i < kLevels; ++i) {
      const Cells& own = decoded.levels[i];
      const Tensor x = own.x + level_embed[i];
      levels.push_back({.x = x, .placed = x + sine_positions(own, size), .cells = own.sequences()});
    }
    const Sequences queries = one_sequence(positions);
    Answer answer{norm(features), {}};
    Tensor x = features;
    answer.masks = masks_of(answer.states, decoded.masks);
    for (std::size_t i = 0; i < layers.size(); ++i) {
      auto& level = levels[i % kLevels];
      level.bias = bias_of(answer.masks, decoded.levels[i % kLevels].grids[0]);
      x = layers[i](x, positions, queries, level);
      pictures.note(layers[i].path, x);
      answer.states = norm(x);
      answer.masks = masks_of(answer.states, decoded.masks);
    }
    return answer;
  }

 private:
  Tensor masks_of(const Tensor& states, const Cells& cells) const {
    Tensor x = states;
    for (std::size_t i = 0; i < mask_embedder.size(); ++i)
      x = mask_embedder[i](x, i + 1 < mask_embedder.size() ? Activation::kRelu : Activation::kNone);
    return at::matmul(x.to(at::kFloat), cells.x.to(at::kFloat).t()).view({-1, cells.grids[0].height, cells.grids[0].width});
  }

  // A query sees where its mask is; where that is nowhere, everything.
  static Tensor bias_of(const Tensor& masks, const Grid& grid) {  // [Q, cells]
    constexpr double kNever = -1e30;
    const Tensor own = resized(masks.detach().unsqueeze(0).to(at::kFloat), grid, Resize::kBilinear);
    const Tensor hidden = (own[0].flatten(1).sigmoid() < 0.5).to(at::kFloat);
    const Tensor some = (hidden.sum(1, true) < static_cast<double>(grid.cells())).to(at::kFloat);
    return (hidden * some * kNever).contiguous();
  }
};

ImageNet build_mask2former(const Fields& config, const Weights& w, ImageHead) {
  const MaskConfig c(config);
  const Weights level = w / "model" / "pixel_level_module";
  (w / "criterion").ignore();
  const MaskBackbone backbone(config, level / "encoder");
  ImageNet net{.channels = backbone.channels};
  net.see = one_by_one([backbone, pixels = PixelDecoder(c, backbone.widths, level / "decoder"),
             decoder = MaskedDecoder(c, w / "model" / "transformer_module"),
             classes = Linear(w / "class_predictor", {label_count(config) + 1, c.hidden})](
                const Pictures& one) {
    const auto answer = decoder(pixels(backbone.maps(one), one), one);
    return SeenTensors{.logits = classes(answer.states), .masks = answer.masks};
  });
  return net;
}

constexpr ImageHead kMask2formerHeads[] = {ImageHead::kSegment};

}  // namespace

extern const Architecture mask2former{
    .types = {"mask2former"},
    .image = build_mask2former,
    .image_heads = kMask2formerHeads,
};

}  // namespace hft
