// DETR, its panoptic head, and Table Transformer, which normalises before each part. Checked against
// the configs of facebook/detr-resnet-50 (main and no_timm), detr-resnet-50-panoptic,
// microsoft/table-transformer-detection.
#include "core/models/vision/detr.h"

#include <cmath>

#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/models/architecture.h"
#include "core/models/vision/detr_masks.h"
#include "core/nn/attention.h"

namespace hft {

Tensor sine_positions(const Grid& grid, std::int64_t size, float inset) {
  const auto half = size / 2;
  std::vector<float> divisors;
  for (std::int64_t i = 0; i < half; ++i)
    divisors.push_back(std::pow(10000.0f, static_cast<float>(2 * (i / 2)) / static_cast<float>(half)));
  const auto along = [&](std::int64_t count) {  // [count,half]
    Tensor table = at::empty({count, half}, at::kFloat);
    auto* out = table.data_ptr<float>();
    for (std::int64_t at = 0; at < count; ++at) {
      const float place = (static_cast<float>(at + 1) - inset) / (static_cast<float>(count) + 1e-6f) *
                          static_cast<float>(2 * M_PI);
      for (std::int64_t i = 0; i < half; ++i) {
        const float angle = place / divisors[i];
        *out++ = i % 2 == 0 ? std::sin(angle) : std::cos(angle);
      }
    }
    return table;
  };
  const auto spread = [&](const Tensor& table) {
    return table.expand({grid.height, grid.width, half});
  };
  return at::concat({spread(along(grid.height).unsqueeze(1)), spread(along(grid.width).unsqueeze(0))}, 2)
      .view({grid.cells(), size});
}

Tensor sine_positions(const Cells& x, std::int64_t size, float inset) {
  std::vector<Tensor> tables;
  for (const Grid& grid : x.grids) tables.push_back(sine_positions(grid, size, inset));
  return at::concat(tables).to(x.x.device(), x.x.scalar_type());
}

DetrAttention::DetrAttention(const Weights& w, std::int64_t size, std::int64_t heads)
    : query(w / "q_proj", {size, size}),
      key(w / "k_proj", {size, size}),
      value(w / "v_proj", {size, size}),
      output(w / "out_proj", {size, size}),
      heads(heads) {}

Tensor DetrAttention::operator()(const Tensor& x, const Tensor& positions,
                                 const Sequences& seqs) const {
  const Tensor placed = x + positions;
  return attend(at::concat({query(placed), key(placed), value(x)}, 1), heads, seqs);
}

Tensor DetrAttention::keys_values(const Tensor& with_positions, const Tensor& x) const {
  return at::concat({key(with_positions), value(x)}, 1);
}

Tensor DetrAttention::across(const Tensor& x, const Tensor& keys_values, const Sequences& queries,
                             const Sequences& cells) const {
  return attend_across(query(x), keys_values, heads, queries, cells);
}

DetrShape::DetrShape(const Fields& config, bool norm_first)
    : size(config.integer("d_model", 2, limits::kHidden, 256)),
      queries(config.integer("num_queries", 1, 100'000, 100)),
      encoder_layers(config.integer("encoder_layers", 0, limits::kLayers, 6)),
      decoder_layers(config.integer("decoder_layers", 0, limits::kLayers, 6)),
      encoder_heads(config.integer("encoder_attention_heads", 1, limits::kHidden, 8)),
      decoder_heads(config.integer("decoder_attention_heads", 1, limits::kHidden, 8)),
      encoder_ffn(config.integer("encoder_ffn_dim", 1, limits::kHidden, 2048)),
      decoder_ffn(config.integer("decoder_ffn_dim", 1, limits::kHidden, 2048)),
      activation(activation_named(config.text("activation_function", "relu"), config.where())),
      norm_first(norm_first) {
  head_size(config, size, encoder_heads);
  head_size(config, size, decoder_heads);
  const auto kind = config.text("position_embedding_type", "sine");
  if (kind != "sine" || size % 4 != 0)
    fail(Errc::kUnsupported, config.where(), ": position_embedding_type '", kind,
         "' of d_model ", size, " is not supported, wanted sine and a multiple of 4");
}

BoxHead::BoxHead(const Weights& w, std::int64_t in, std::int64_t hidden, std::int64_t out,
                 std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i)
    layers.emplace_back(w / "layers" / i,
                        std::array{i + 1 == count ? out : hidden, i == 0 ? in : hidden});
}

Tensor BoxHead::operator()(Tensor x) const {
  for (const Linear& layer : layers)
    x = layer(x, &layer == &layers.back() ? Activation::kNone : Activation::kRelu);
  return x;
}

namespace {

// A part of a layer added to what it reads, and the norm beside it: of the sum, or of what it reads.
template <class F>
Tensor add_and_norm(const Tensor& x, const LayerNorm& norm, bool norm_first, const F& part) {
  return norm_first ? x + part(norm(x)) : norm(x + part(x));
}

}  // namespace

DetrEncoderLayer::DetrEncoderLayer(const DetrShape& s, const Weights& w)
    : self_attn(w / "self_attn", s.size, s.encoder_heads),
      self_attn_norm(w / "self_attn_layer_norm", s.size, 1e-5),
      final_norm(w / "final_layer_norm", s.size, 1e-5),
      fc1(w / "fc1", {s.encoder_ffn, s.size}),
      fc2(w / "fc2", {s.size, s.encoder_ffn}),
      activation(s.activation),
      norm_first(s.norm_first),
      path(w.path()) {}

Tensor DetrEncoderLayer::operator()(const Tensor& x, const Tensor& positions,
                                    const Sequences& seqs) const {
  const Tensor y = add_and_norm(x, self_attn_norm, norm_first, [&](const Tensor& in) {
    return self_attn.output(self_attn(in, positions, seqs));
  });
  return add_and_norm(y, final_norm, norm_first,
                      [&](const Tensor& in) { return fc2(fc1(in, activation)); });
}

DetrDecoderLayer::DetrDecoderLayer(const DetrShape& s, const Weights& w)
    : self_attn(w / "self_attn", s.size, s.decoder_heads),
      encoder_attn(w / "encoder_attn", s.size, s.decoder_heads),
      self_attn_norm(w / "self_attn_layer_norm", s.size, 1e-5),
      encoder_attn_norm(w / "encoder_attn_layer_norm", s.size, 1e-5),
      final_norm(w / "final_layer_norm", s.size, 1e-5),
      fc1(w / "fc1", {s.decoder_ffn, s.size}),
      fc2(w / "fc2", {s.size, s.decoder_ffn}),
      activation(s.activation),
      norm_first(s.norm_first),
      path(w.path()) {}

Tensor DetrDecoderLayer::operator()(const Tensor& x, const Tensor& positions, const Sequences& seqs,
                                    const DetrEncoded& encoded) const {
  Tensor y = add_and_norm(x, self_attn_norm, norm_first, [&](const Tensor& in) {
    return self_attn.output(self_attn(in, positions, seqs));
  });
  y = add_and_norm(y, encoder_attn_norm, norm_first, [&](const Tensor& in) {
    return encoder_attn.output(encoder_attn.across(
        in + positions, encoder_attn.keys_values(encoded.placed, encoded.x), seqs, encoded.seqs));
  });
  return add_and_norm(y, final_norm, norm_first,
                      [&](const Tensor& in) { return fc2(fc1(in, activation)); });
}

DetrDecoder::DetrDecoder(const DetrShape& s, const Weights& w)
    : norm(w / "layernorm", s.size, 1e-5) {
  for (std::int64_t i = 0; i < s.decoder_layers; ++i) layers.emplace_back(s, w / "layers" / i);
}

Tensor DetrDecoder::operator()(const DetrEncoded& encoded, const Tensor& queries,
                               const Pictures& pictures) const {
  const auto count = encoded.seqs.count();
  Sequences seqs;
  seqs.device = encoded.x.device();
  for (std::int64_t b = 1; b <= count; ++b) seqs.starts.push_back(b * queries.size(0));
  const Tensor positions = queries.repeat({count, 1});
  Tensor x = at::zeros_like(positions);
  for (const auto& layer : layers) {
    x = layer(x, positions, seqs, encoded);
    pictures.note(layer.path, x);
  }
  return norm(x);
}

ResNet detr_backbone(const Fields& config, const Weights& w, ResNetShape& shape) {
  const Weights at = w / "backbone" / "conv_encoder" / "model";
  const Fields own = config.object("backbone_config");
  const bool timm = config.boolean("use_timm_backbone", own.json().empty());
  if (!timm) {
    const auto type = own.text("model_type", "resnet");
    if (type != "resnet")
      fail(Errc::kUnsupported, config.where(), ": backbone '", type,
           "' is not supported, wanted resnet");
    shape = resnet_shape(own);
    return hf_resnet(shape, at);
  }
  const auto name = config.text("backbone", "resnet50");
  const auto named = timm_resnet_shape(name, config.object("backbone_kwargs"));
  if (!named)
    fail(Errc::kUnsupported, config.where(), ": unsupported backbone '", name,
         "' of timm, wanted resnet50 or another ResNet");
  shape = *named;
  shape.channels = config.integer("num_channels", 1, 1024, 3);
  shape.dilate_last = config.boolean("dilation", false);
  return timm_resnet(shape, at);
}

DetrEncoder::DetrEncoder(const Fields& config, const DetrShape& s, const Weights& w)
    : backbone(detr_backbone(config, w, backbone_shape)),
      input_projection(w / "input_projection",
                       {{"", s.size, {.kernel = {backbone_shape.widths.back(), 1, 1}}}},
                       backbone_shape.widths.back()),
      size(s.size),
      path((w / "input_projection").path()) {
  for (std::int64_t i = 0; i < s.encoder_layers; ++i)
    layers.emplace_back(s, w / "encoder" / "layers" / i);
  if (s.norm_first) norm = LayerNorm(w / "encoder" / "layernorm", s.size, 1e-5);
}

DetrEncoder::Seen DetrEncoder::operator()(const Pictures& pictures) const {
  Seen seen{.maps = backbone(pictures)};
  seen.projected = seen.maps.back().with(input_projection(seen.maps.back().x));
  pictures.note(path, seen.projected.x);
  DetrEncoded& encoded = seen.encoded;
  encoded.x = seen.projected.x;
  encoded.seqs = seen.projected.sequences();
  encoded.places = sine_positions(seen.projected, size);
  for (const auto& layer : layers) {
    encoded.x = layer(encoded.x, encoded.places, encoded.seqs);
    pictures.note(layer.path, encoded.x);
  }
  if (norm) encoded.x = (*norm)(encoded.x);
  encoded.placed = encoded.x + encoded.places;
  return seen;
}

Tensor inverse_sigmoid(const Tensor& x) {
  constexpr double kLeast = 1e-5;
  const Tensor within = x.clamp(0, 1);
  return at::log(within.clamp_min(kLeast) / (1 - within).clamp_min(kLeast));
}

namespace {

struct Detr {
  DetrShape shape;
  DetrEncoder encoder;
  Tensor queries;  // [Q,D]
  DetrDecoder decoder;

  Detr(const Fields& config, const Weights& w, bool norm_first)
      : shape(config, norm_first),
        encoder(config, shape, w),
        queries((w / "query_position_embeddings").small("weight", {shape.queries, shape.size})),
        decoder(shape, w / "decoder") {}

  DetrStates operator()(const Pictures& pictures) const {
    DetrEncoder::Seen seen = encoder(pictures);
    DetrStates states{.maps = std::move(seen.maps), .projected = seen.projected};
    states.encoded = states.projected.with(seen.encoded.x);
    states.seen = decoder(seen.encoded, queries, pictures);
    return states;
  }
};

// Logits and boxes of the queries.
struct Heads {
  Linear classes;
  BoxHead boxes;
  std::int64_t queries;
  Heads(const Fields& config, const DetrShape& s, const Weights& w)
      : classes(w / "class_labels_classifier", {label_count(config) + 1, s.size}),
        boxes(w / "bbox_predictor", s.size, s.size, 4, 3),
        queries(s.queries) {}
  std::vector<SeenTensors> operator()(const Tensor& x) const {
    const Tensor logits = classes(x), box = boxes(x).to(at::kFloat).sigmoid();
    std::vector<SeenTensors> seen;
    for (std::int64_t at = 0; at < x.size(0); at += queries)
      seen.push_back({.logits = logits.narrow(0, at, queries), .boxes = box.narrow(0, at, queries)});
    return seen;
  }
};

ImageNet build_detr(const Fields& config, const Weights& w, ImageHead head, bool norm_first) {
  // The panoptic head stands beside a whole detector.
  const Weights at = head == ImageHead::kSegment ? w / "detr" : w;
  const Detr detr(config, at / "model", norm_first);
  const Heads heads(config, detr.shape, at);
  ImageNet net{.channels = detr.encoder.backbone_shape.channels};
  if (head == ImageHead::kDetect) {
    net.see = [detr, heads](const Pictures& pictures) { return heads(detr(pictures).seen); };
    return net;
  }
  net.see = [detr, heads, masks = DetrMasks(detr.shape, detr.encoder.backbone_shape.widths, w)](
                const Pictures& pictures) {
    const DetrStates states = detr(pictures);
    std::vector<SeenTensors> seen = heads(states.seen);
    for (std::size_t b = 0; b < seen.size(); ++b)
      seen[b].masks = masks(states, static_cast<std::int64_t>(b));
    return seen;
  };
  return net;
}

ImageNet build_detr(const Fields& config, const Weights& w, ImageHead head) {
  return build_detr(config, w, head, false);
}
ImageNet build_table_transformer(const Fields& config, const Weights& w, ImageHead head) {
  return build_detr(config, w, head, true);
}

constexpr ImageHead kBoth[] = {ImageHead::kDetect, ImageHead::kSegment};
constexpr ImageHead kDetect[] = {ImageHead::kDetect};
constexpr std::pair<std::string_view, std::string_view> kDetrNewer[] = {
    {"backbone.conv_encoder.model", "backbone.model"},
    {"_attn.out_proj", "_attn.o_proj"},
    {".fc1", ".mlp.fc1"},
    {".fc2", ".mlp.fc2"}};

}  // namespace

extern const Architecture detr{
    .types = {"detr"},
    .image = build_detr,
    .image_heads = kBoth,
    .newer_names = kDetrNewer,
};
extern const Architecture table_transformer{
    .types = {"table-transformer"},
    .image = build_table_transformer,
    .image_heads = kDetect,
    .newer_names = kDetrNewer,
};

}  // namespace hft
