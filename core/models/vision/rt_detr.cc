// RT-DETR (arXiv:2304.08069) and its second version (arXiv:2407.17140): three levels of features, the
// best cells of which become queries; each layer moves their boxes and looks at places around them.
// Checked against the configs of PekingU/rtdetr_r50vd and rtdetr_v2_r18vd. Shapes: T cells of all
// levels of a picture, Q queries, D hidden, L labels.
#include "core/models/vision/rt_detr.h"

#include <limits>

#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/models/architecture.h"
#include "core/nn/deformable_attention.h"

namespace hft {
namespace {

// The maps of a backbone's stages, each made as wide as the encoder.
struct RtDetrBackbone {
  std::int64_t channels = 3;
  ResNet net;
  std::vector<std::int64_t> stages;
  std::vector<Conv2d> encoder_input_proj;

  RtDetrBackbone(const Fields& config, const RtDetrShape& s, const Weights& w) {
    const Fields own = config.object("backbone_config");
    const auto type = own.text("model_type", "rt_detr_resnet");
    const bool timm = config.boolean("use_timm_backbone", false) || config.has("backbone");
    if (timm || (type != "rt_detr_resnet" && type != "resnet"))
      fail(Errc::kUnsupported, config.where(), ": backbone '", timm ? config.text("backbone", "of timm") : type,
           "' is not supported, wanted rt_detr_resnet or resnet in backbone_config");
    const ResNetShape shape = resnet_shape(own);
    channels = shape.channels;
    const Weights at = w / "backbone" / "model";
    net = type == "resnet" ? hf_resnet(shape, at) : rt_detr_resnet(shape, at);
    stages = seen_stages(own, std::ssize(shape.widths));
    if (std::ssize(stages) != s.levels)
      fail(Errc::kBadData, config.where(), ": the backbone gives ", stages.size(),
           " levels, but 'encoder_in_channels' has ", s.levels);
    for (std::size_t i = 0; i < stages.size(); ++i) {
      const Weights projection = w / "encoder_input_proj" / static_cast<std::int64_t>(i);
      encoder_input_proj.emplace_back(projection / 0, Conv2d::Shape{shape.widths[stages[i]], s.size},
                                      BatchNorm(projection / 1, s.size, 1e-5));
    }
  }

  std::vector<Cells> operator()(const Pictures& pictures) const {
    const std::vector<Cells> maps = net(pictures);
    std::vector<Cells> levels;
    for (std::size_t i = 0; i < stages.size(); ++i)
      levels.push_back(encoder_input_proj[i](maps[stages[i]]));
    return levels;
  }
};

struct RtDetrDecoderShape {
  std::int64_t size, queries, ffn, heads, layers, levels, points, labels;
  double eps, reach;  // reach: of an offset of 1 for each point, as part of the box
  Activation activation;
  RtDetrDecoderShape(const Fields& config, bool second)
      : size(config.integer("d_model", 1, limits::kHidden, 256)),
        queries(config.integer("num_queries", 1, 100'000, 300)),
        ffn(config.integer("decoder_ffn_dim", 1, limits::kHidden, 1024)),
        heads(config.integer("decoder_attention_heads", 1, limits::kHidden, 8)),
        layers(config.integer("decoder_layers", 1, limits::kLayers, 6)),
        levels(config.integer("num_feature_levels", 1, 64, 3)),
        points(config.integer("decoder_n_points", 1, 1024, 4)),
        labels(label_count(config)),
        eps(config.real("layer_norm_eps", 0, 1, 1e-5)),
        reach(second ? config.real("decoder_offset_scale", 0, 1e6, 0.5) : 0.5),
        activation(activation_named(config.text("decoder_activation_function", "relu"), config.where())) {
    head_size(config, size, heads);
    if (config.boolean("learn_initial_query", false))
      fail(Errc::kUnsupported, config.where(), ": 'learn_initial_query' is true, wanted false");
    const auto method = second ? config.text("decoder_method", "default") : "default";
    const auto own = second ? config.integer("decoder_n_levels", 1, 64, 3) : levels;
    if (method != "default" || own != levels)
      fail(Errc::kUnsupported, config.where(), ": 'decoder_method' ", method, " of ", own,
           " levels is not supported, wanted default of 'num_feature_levels', ", levels);
  }
};

// A query looks at places within and around its box.
struct RtDetrCross {
  Linear sampling_offsets, attention_weights, value_proj, output_proj;
  std::int64_t heads;
  double step;
  RtDetrCross(const RtDetrDecoderShape& s, const Weights& w)
      : sampling_offsets(w / "sampling_offsets", {s.heads * s.levels * s.points * 2, s.size}),
        attention_weights(w / "attention_weights", {s.heads * s.levels * s.points, s.size}),
        value_proj(w / "value_proj", {s.size, s.size}),
        output_proj(w / "output_proj", {s.size, s.size}),
        heads(s.heads),
        step(s.reach / static_cast<double>(s.points)) {
    w.store().ignore((w / "n_points_scale").path());
  }
  // boxes [Q,4] float32: centre, width and height
  Tensor operator()(const Tensor& queries, const Tensor& boxes, const Tensor& source,
                    const std::vector<Grid>& levels) const {
    const Tensor offsets = sampling_offsets(queries).to(at::kFloat).view({queries.size(0), -1, 2});
    const Tensor places = boxes.narrow(1, 0, 2).unsqueeze(1) +
                          offsets * step * boxes.narrow(1, 2, 2).unsqueeze(1);  // [Q,H*L*P,2]
    return output_proj(attend_at(value_proj(source), places.flatten(1), attention_weights(queries),
                                 levels, heads));
  }
};

struct RtDetrDecoderLayer {
  DetrAttention self_attn;
  RtDetrCross encoder_attn;
  LayerNorm self_attn_norm, encoder_attn_norm, final_norm;
  Linear fc1, fc2;
  BoxHead bbox_embed;
  Activation activation;
  std::string path;
  RtDetrDecoderLayer(const RtDetrDecoderShape& s, const Weights& w, const Weights& box)
      : self_attn(w / "self_attn", s.size, s.heads),
        encoder_attn(s, w / "encoder_attn"),
        self_attn_norm(w / "self_attn_layer_norm", s.size, s.eps),
        encoder_attn_norm(w / "encoder_attn_layer_norm", s.size, s.eps),
        final_norm(w / "final_layer_norm", s.size, s.eps),
        fc1(w / "fc1", {s.ffn, s.size}),
        fc2(w / "fc2", {s.size, s.ffn}),
        bbox_embed(box, s.size, s.size, 4, 3),
        activation(s.activation),
        path(w.path()) {}
  Tensor operator()(const Tensor& x, const Tensor& positions, const Tensor& boxes, const Tensor& source,
                    const std::vector<Grid>& levels) const {
    const Tensor y = self_attn_norm(x + self_attn.output(self_attn(x, positions, one_sequence(x))));
    const Tensor z = encoder_attn_norm(y + encoder_attn(y + positions, boxes, source, levels));
    return final_norm(z + fc2(fc1(z, activation)));
  }
};

// The cells' own boxes before their sigmoid, [T,4]; where they are too near the edge, the largest
// number, and false in `valid` [T,1].
Tensor rt_detr_anchors(const std::vector<Grid>& levels, Tensor& valid) {
  constexpr double kEdge = 1e-2, kSide = 0.05;
  std::vector<Tensor> all;
  double side = kSide;
  for (const Grid& grid : levels) {
    const Tensor cells = at::arange(grid.cells(), at::kLong);
    const auto centre = [](const Tensor& at, std::int64_t count) {
      return (at.to(at::kFloat) + 0.5) / static_cast<double>(count);
    };
    const Tensor x = centre(at::remainder(cells, grid.width), grid.width),
                 y = centre(at::floor_divide(cells, grid.width), grid.height),
                 edge = at::full({grid.cells()}, side, at::kFloat);
    all.push_back(at::stack({x, y, edge, edge}, 1));
    side *= 2;
  }
  const Tensor boxes = at::concat(all);
  valid = at::logical_and(boxes > kEdge, boxes < 1 - kEdge).all(1, true);
  return at::where(valid, at::log(boxes / (1 - boxes)),
                   at::scalar_tensor(std::numeric_limits<float>::max(), boxes.options()));
}

struct RtDetr {
  RtDetrDecoderShape shape;
  RtDetrBackbone backbone;
  HybridEncoder encoder;
  std::vector<Conv2d> decoder_input_proj;
  Linear enc_output, enc_score_head, class_embed;
  LayerNorm enc_norm;
  BoxHead enc_bbox_head, query_pos_head;
  std::vector<RtDetrDecoderLayer> layers;

  RtDetr(const Fields& config, const Weights& w, bool second)
      : shape(config, second),
        backbone(config, RtDetrShape(config), w / "model"),
        encoder(RtDetrShape(config), w / "model" / "encoder"),
        enc_output(w / "model" / "enc_output" / 0, {shape.size, shape.size}),
        enc_score_head(w / "model" / "enc_score_head", {shape.labels, shape.size}),
        enc_norm(w / "model" / "enc_output" / 1, shape.size, shape.eps),
        enc_bbox_head(w / "model" / "enc_bbox_head", shape.size, shape.size, 4, 3),
        query_pos_head(w / "model" / "decoder" / "query_pos_head", 4, 2 * shape.size, shape.size, 2) {
    const Weights model = w / "model";
    project(config, model);
    // The heads of all layers, and once more in the decoder; the last layer's scores are the model's.
    const Weights heads = w.has("class_embed.0.weight") ? w : model / "decoder";
    for (const Weights& place : {w, model / "decoder"})
      for (const char* name : {"class_embed", "bbox_embed"}) (place / name).ignore();
    (model / "denoising_class_embed").ignore();
    for (std::int64_t i = 0; i < shape.layers; ++i)
      layers.emplace_back(shape, model / "decoder" / "layers" / i, heads / "bbox_embed" / i);
    class_embed = Linear(heads / "class_embed" / (shape.layers - 1), {shape.labels, shape.size});
  }

  SeenTensors operator()(const Pictures& picture) const {
    std::vector<Tensor> parts;
    std::vector<Grid> grids;
    const std::vector<Cells> maps = encoder(backbone(picture), picture);
    for (std::size_t i = 0; i < maps.size(); ++i) {
      parts.push_back(decoder_input_proj[i](maps[i]).x);
      grids.push_back(maps[i].grids[0]);
    }
    const Tensor source = at::concat(parts);  // [T,D]
    if (source.size(0) < shape.queries)
      fail(Errc::kBadData, "a picture has ", source.size(0), " cells, but the model has ", shape.queries,
           " queries");
    Tensor valid;
    const Tensor anchors = rt_detr_anchors(grids, valid).to(source.device());
    const Tensor memory = enc_norm(enc_output(source * valid.to(source.device(), source.scalar_type())));
    const Tensor best =
        std::get<1>(at::topk(std::get<0>(enc_score_head.in_float(memory).max(1)), shape.queries));  // [Q]
    Tensor x = memory.index_select(0, best);  // [Q,D]
    Tensor boxes = (enc_bbox_head(x).to(at::kFloat) + anchors.index_select(0, best)).sigmoid();
    for (const auto& layer : layers) {
      x = layer(x, query_pos_head(boxes.to(x.scalar_type())), boxes, source, grids);
      boxes = (layer.bbox_embed(x).to(at::kFloat) + inverse_sigmoid(boxes)).sigmoid();
      picture.note(layer.path, x);
    }
    return {.logits = class_embed(x), .boxes = boxes};
  }

 private:
  void project(const Fields& config, const Weights& model) {
    const auto channels = integers(config, "decoder_in_channels", {256, 256, 256}, 1, limits::kHidden);
    if (std::ssize(channels) != shape.levels || std::ssize(channels) != encoder.shape.levels)
      fail(Errc::kUnsupported, config.where(), ": 'num_feature_levels' is ", shape.levels,
           ", wanted as many as 'decoder_in_channels' and 'encoder_in_channels' have, ", channels.size(),
           " and ", encoder.shape.levels);
    for (std::size_t i = 0; i < channels.size(); ++i) {
      const Weights at = model / "decoder_input_proj" / static_cast<std::int64_t>(i);
      decoder_input_proj.emplace_back(at / 0, Conv2d::Shape{channels[i], shape.size},
                                      BatchNorm(at / 1, shape.size, encoder.shape.batch_eps));
    }
  }
};

template <bool second>
ImageNet build_rt_detr(const Fields& config, const Weights& w, ImageHead) {
  const RtDetr detr(config, w, second);
  ImageNet net{.channels = detr.backbone.channels};
  net.see = one_by_one(detr);
  return net;
}

constexpr ImageHead kRtDetrHeads[] = {ImageHead::kDetect};

}  // namespace

extern const Architecture rt_detr{
    .types = {"rt_detr"},
    .image = build_rt_detr<false>,
    .image_heads = kRtDetrHeads,
};

extern const Architecture rt_detr_v2{
    .types = {"rt_detr_v2"},
    .image = build_rt_detr<true>,
    .image_heads = kRtDetrHeads,
};

}  // namespace hft
