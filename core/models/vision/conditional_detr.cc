// Conditional DETR (arXiv:2108.06152): DETR whose queries look, beside what they are, from where they
// are: half of each head compares contents, half places. Checked against the config of
// microsoft/conditional-detr-resnet-50. Shapes: N queries of all pictures, K cells of all pictures, D
// hidden, H heads of E numbers.
#include <cmath>

#include "core/base/limits.h"
#include "core/models/architecture.h"
#include "core/models/vision/detr.h"
#include "core/nn/attention.h"

namespace hft {
namespace {

// Heads of a and of b side by side, [N,H*2E].
Tensor heads_beside(const Tensor& a, const Tensor& b, std::int64_t heads) {
  const auto apart = [&](const Tensor& x) { return x.view({x.size(0), heads, -1}); };  // [N,H,E]
  return at::concat({apart(a), apart(b)}, 2).flatten(1);
}

// Sines and cosines of rows and columns in [0, 1], [N,2] of x and y -> [N,size].
Tensor place_sines(const Tensor& centres, std::int64_t size) {
  const auto half = size / 2;
  const Tensor steps = at::floor_divide(at::arange(half, at::kLong), 2).to(at::kFloat);
  const Tensor divisors = at::pow(10000.0, steps * 2 / static_cast<double>(half)).to(centres.device());
  const auto along = [&](std::int64_t axis) {
    const Tensor angles = (centres.select(1, axis) * (2 * M_PI)).unsqueeze(1) / divisors;  // [N,half]
    const Tensor pairs = angles.view({angles.size(0), half / 2, 2});
    return at::stack({pairs.select(2, 0).sin(), pairs.select(2, 1).cos()}, 2).flatten(1);
  };
  return at::concat({along(1), along(0)}, 1);
}

// What the queries of several pictures have that no layer changes.
struct ConditionalQueries {
  Tensor positions;  // [N,D]
  Sequences seqs;
};

struct ConditionalDetrLayer {
  Linear sa_qcontent, sa_qpos, sa_kcontent, sa_kpos, sa_v, sa_out;
  Linear ca_qcontent, ca_qpos, ca_kcontent, ca_kpos, ca_v, ca_qpos_sine, ca_out, fc1, fc2;
  LayerNorm self_attn_norm, encoder_attn_norm, final_norm;
  std::int64_t heads;
  Activation activation;
  bool first;  // its queries and keys have their places in what they are, too
  std::string path;

  ConditionalDetrLayer(const DetrShape& s, const Weights& w, bool first)
      : self_attn_norm(w / "self_attn_layer_norm", s.size, 1e-5),
        encoder_attn_norm(w / "encoder_attn_layer_norm", s.size, 1e-5),
        final_norm(w / "final_layer_norm", s.size, 1e-5),
        heads(s.decoder_heads),
        activation(s.activation),
        first(first),
        path(w.path()) {
    const auto product = [&](const char* name) { return Linear(w / name, {s.size, s.size}); };
    sa_qcontent = product("sa_qcontent_proj");
    sa_qpos = product("sa_qpos_proj");
    sa_kcontent = product("sa_kcontent_proj");
    sa_kpos = product("sa_kpos_proj");
    sa_v = product("sa_v_proj");
    sa_out = product("self_attn.out_proj");
    ca_qcontent = product("ca_qcontent_proj");
    if (first) ca_qpos = product("ca_qpos_proj");
    ca_kcontent = product("ca_kcontent_proj");
    ca_kpos = product("ca_kpos_proj");
    ca_v = product("ca_v_proj");
    ca_qpos_sine = product("ca_qpos_sine_proj");
    ca_out = product("encoder_attn.out_proj");
    fc1 = Linear(w / "fc1", {s.decoder_ffn, s.size});
    fc2 = Linear(w / "fc2", {s.size, s.decoder_ffn});
  }

  // sines [N,D]: of the places the queries look from
  Tensor operator()(const Tensor& x, const ConditionalQueries& queries, const Tensor& sines,
                    const DetrEncoded& encoded) const {
    const Tensor self = at::concat({sa_qcontent(x) + sa_qpos(queries.positions),
                                    sa_kcontent(x) + sa_kpos(queries.positions), sa_v(x)}, 1);
    const Tensor y = self_attn_norm(x + sa_out(attend(self, heads, queries.seqs)));
    const Tensor z = encoder_attn_norm(y + ca_out(across(y, queries, sines, encoded)));
    return final_norm(z + fc2(fc1(z, activation)));
  }

 private:
  Tensor across(const Tensor& x, const ConditionalQueries& queries, const Tensor& sines,
                const DetrEncoded& encoded) const {
    const Tensor key_places = ca_kpos(encoded.places);  // [K,D]
    Tensor query = ca_qcontent(x), key = ca_kcontent(encoded.x);
    if (first) {
      query = query + ca_qpos(queries.positions);
      key = key + key_places;
    }
    const Tensor value = ca_v(encoded.x);  // its heads are half as wide: the rest of them is 0
    const Tensor keys_values = at::concat({heads_beside(key, key_places, heads),
                                           heads_beside(value, at::zeros_like(value), heads)}, 1);
    const Tensor mixed = attend_across(heads_beside(query, ca_qpos_sine(sines), heads), keys_values, heads,
                                       queries.seqs, encoded.seqs);  // [N,H*2E]
    return mixed.view({x.size(0), heads, 2, -1}).select(2, 0).reshape(x.sizes());
  }
};

struct ConditionalDetr {
  DetrShape shape;
  DetrEncoder encoder;
  Tensor queries;  // [Q,D]
  std::vector<ConditionalDetrLayer> layers;
  LayerNorm norm;
  BoxHead query_scale, ref_point_head, boxes;
  Linear classes;
  bool norm_between;  // as the reference has it where losses of all layers are asked for

  ConditionalDetr(const Fields& config, const Weights& w)
      : shape(config),
        encoder(config, shape, w / "model"),
        queries((w / "model" / "query_position_embeddings").small("weight", {shape.queries, shape.size})),
        norm(w / "model" / "decoder" / "layernorm", shape.size, 1e-5),
        query_scale(w / "model" / "decoder" / "query_scale", shape.size, shape.size, shape.size, 2),
        ref_point_head(w / "model" / "decoder" / "ref_point_head", shape.size, shape.size, 2, 2),
        boxes(w / "bbox_predictor", shape.size, shape.size, 4, 3),
        classes(w / "class_labels_classifier", {label_count(config), shape.size}),
        norm_between(config.boolean("auxiliary_loss", false)) {
    for (std::int64_t i = 0; i < shape.decoder_layers; ++i)
      layers.emplace_back(shape, w / "model" / "decoder" / "layers" / i, i == 0);
    if (shape.decoder_layers < 2) (w / "model" / "decoder" / "query_scale").ignore();
  }

  std::vector<SeenTensors> operator()(const Pictures& pictures) const {
    const DetrEncoded encoded = encoder(pictures).encoded;
    const auto count = encoded.seqs.count();
    ConditionalQueries all{queries.repeat({count, 1}), {}};
    all.seqs.device = encoded.x.device();
    for (std::int64_t b = 1; b <= count; ++b) all.seqs.starts.push_back(b * shape.queries);
    const Tensor centres = ref_point_head(all.positions).to(at::kFloat).sigmoid();  // [N,2]
    const Tensor sines = place_sines(centres, shape.size).to(all.positions.scalar_type());
    Tensor x = at::zeros_like(all.positions);
    for (const auto& layer : layers) {
      x = layer(x, all, layer.first ? sines : sines * query_scale(x), encoded);
      if (norm_between) x = norm(x);
      pictures.note(layer.path, x);
    }
    x = norm(x);
    Tensor box = boxes(x).to(at::kFloat);
    box = at::concat({box.narrow(1, 0, 2) + inverse_sigmoid(centres), box.narrow(1, 2, 2)}, 1).sigmoid();
    const Tensor logits = classes(x);
    std::vector<SeenTensors> seen;
    for (std::int64_t at = 0; at < x.size(0); at += shape.queries)
      seen.push_back({.logits = logits.narrow(0, at, shape.queries),
                      .boxes = box.narrow(0, at, shape.queries)});
    return seen;
  }
};

ImageNet build_conditional_detr(const Fields& config, const Weights& w, ImageHead) {
  Json json = config.json();
  if (!config.has("num_queries")) json["num_queries"] = 300;
  const ConditionalDetr detr(Fields(std::move(json), config.where()), w);
  ImageNet net{.channels = detr.encoder.backbone_shape.channels};
  net.see = detr;
  return net;
}

constexpr ImageHead kConditionalDetrHeads[] = {ImageHead::kDetect};

}  // namespace

extern const Architecture conditional_detr{
    .types = {"conditional_detr"},
    .image = build_conditional_detr,
    .image_heads = kConditionalDetrHeads,
};

}  // namespace hft
