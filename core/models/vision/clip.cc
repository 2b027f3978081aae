// CLIP and SigLIP: a ViT for pictures and a transformer for texts, whose vectors share one space; or
// the first alone with a classifier. Papers: arXiv:2103.00020, arXiv:2303.15343. Checked against the
// configs of openai/clip-vit-base-patch32, google/siglip-base-patch16-224 and siglip2-base-patch16-224.
#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/checkpoint/model_kinds.h"
#include "core/models/architecture.h"
#include "core/models/vision/clip.h"
#include "core/nn/attention.h"
#include "core/nn/embedding.h"

namespace hft {
namespace {

const BlockNames kNames{.norm1 = "layer_norm1",
                        .norm2 = "layer_norm2",
                        .query = "self_attn.q_proj",
                        .key = "self_attn.k_proj",
                        .value = "self_attn.v_proj",
                        .attention_output = "self_attn.out_proj",
                        .fc1 = "mlp.fc1",
                        .fc2 = "mlp.fc2"};

// How the two differ, and the defaults of their config classes.
struct Kind {
  bool siglip;
  const char* activation;
  double eps;
  std::int64_t text_hidden, text_ffn, text_heads, vocab, positions, patch;
};
constexpr Kind kClip{false, "quick_gelu", 1e-5, 512, 2048, 8, 49408, 77, 32};
constexpr Kind kSiglip{true, "gelu_pytorch_tanh", 1e-6, 768, 3072, 12, 32000, 64, 16};

struct Tower {
  BlockShape block;
  std::int64_t layers;
  Tower(const Fields& config, const Kind& kind, std::int64_t hidden, std::int64_t ffn,
        std::int64_t heads)
      : block{.hidden = config.integer("hidden_size", 1, limits::kHidden, hidden),
              .heads = config.integer("num_attention_heads", 1, limits::kHidden, heads),
              .ffn = config.integer("intermediate_size", 1, limits::kHidden, ffn),
              .activation =
                  activation_named(config.text("hidden_act", kind.activation), config.where()),
              .eps = config.real("layer_norm_eps", 0, 1, kind.eps)},
        layers(config.integer("num_hidden_layers", 0, limits::kLayers, 12)) {
    head_size(config, block.hidden, block.heads);
  }
};

std::vector<VitBlock> blocks_of(const Tower& t, const Weights& w) {
  std::vector<VitBlock> blocks;
  for (std::int64_t i = 0; i < t.layers; ++i)
    blocks.emplace_back(t.block, kNames, w / "encoder" / "layers" / i);
  return blocks;
}

// One query of its own looks at all patches of a picture; then two products.
struct AttentionPooling {
  Tensor probe;  // [1,D]
  Linear query, key_value, output, fc1, fc2;
  LayerNorm norm;
  std::int64_t heads;
  Activation activation;
  AttentionPooling(const BlockShape& s, const Weights& w)
      : probe(w.small("probe", {1, 1, s.hidden})),
        query(part(s, w, 0, 1)),
        key_value(part(s, w, 1, 2)),
        output(w / "attention" / "out_proj", {s.hidden, s.hidden}),
        fc1(w / "mlp" / "fc1", {s.ffn, s.hidden}),
        fc2(w / "mlp" / "fc2", {s.hidden, s.ffn}),
        norm(w / "layernorm", s.hidden, s.eps),
        heads(s.heads),
        activation(s.activation) {
    if (probe.defined()) probe = probe[0];
  }

  Tensor operator()(const Tensor& x, const Sequences& seqs) const {  // [N,D] -> [B,D]
    Sequences one;
    one.device = seqs.device;
    for (std::int64_t b = 1; b <= seqs.count(); ++b) one.starts.push_back(b);
    const Tensor q = query(probe).expand({seqs.count(), -1}).contiguous();
    const Tensor y = output(attend_across(q, key_value(x), heads, one, seqs));
    return fc2.plus(fc1(norm(y), activation), y);
  }

 private:
  // `count` of the three products of the fused input, from the begin-th on.
  static Linear part(const BlockShape& s, const Weights& w, std::int64_t begin, std::int64_t count) {
    return Linear(w / "attention",
                  {{"in_proj", count * s.hidden,
                    {.begin = begin * s.hidden, .of = 3 * s.hidden, .fused = true}}},
                  s.hidden);
  }
};

struct VisionTower {
  Tower tower;
  std::int64_t channels;
  Vit vit;
  VisionTower(const Fields& config, const Kind& kind, const Weights& w)
      : tower(config, kind, 768, 3072, 12),
        channels(config.integer("num_channels", 1, 1024, 3)),
        vit(make(config, kind, w)) {}

 private:
  Vit make(const Fields& config, const Kind& kind, const Weights& w) const {
    const Weights at = w / "embeddings";
    const auto hidden = tower.block.hidden;
    const Grid patch = grid_field(config, "patch_size", kind.patch);
    const Grid picture = grid_field(config, "image_size", 224);
    const Grid grid{picture.height / patch.height, picture.width / patch.width};
    const std::int64_t before = kind.siglip ? 0 : 1;
    Vit made{.patches = {at / "patch_embedding", channels, patch, hidden, kind.siglip},
             .prefix = kind.siglip ? at::zeros({0, hidden}, w.store().dtype())
                                   : at.small("class_embedding", {hidden}),
             .positions = (at / "position_embedding").get("weight", {before + grid.cells(), hidden}),
             .grid = grid,
             .blocks = blocks_of(tower, w),
             .path = at.path()};
    if (!kind.siglip && made.prefix.defined()) made.prefix = made.prefix.unsqueeze(0);
    if (!kind.siglip)  // so spelled in every checkpoint
      made.norm_before = LayerNorm(w / "pre_layrnorm", hidden, tower.block.eps);
    return made;
  }
};

// Which token of a text stands for it.
struct LastToken {
  bool last;  // SigLIP: whatever it is
  std::int64_t end;  // CLIP: the first of this id; -1: the largest id
  Tensor rows(const Tokens& tokens) const {  // [B]
    if (last) return tokens.seqs.last_rows();
    Tensor rows = tokens.seqs.first_rows();
    for (std::int64_t b = 0; b < tokens.seqs.count(); ++b) {
      const Tensor ids = tokens.ids.narrow(0, tokens.seqs.starts[b], tokens.seqs.length(b));
      rows[b] += (end < 0 ? ids : (ids == end).to(at::kInt)).argmax();
    }
    return rows;
  }
};

struct TextTower {
  Tower tower;
  std::int64_t vocab, positions;
  LastToken pooled;
  Embedding token_embedding, position_embedding;
  std::vector<VitBlock> blocks;
  LayerNorm norm;
  std::string path;
  TextTower(const Fields& config, const Kind& kind, const Weights& w)
      : tower(config, kind, kind.text_hidden, kind.text_ffn, kind.text_heads),
        vocab(config.integer("vocab_size", 1, limits::kVocab, kind.vocab)),
        positions(config.integer("max_position_embeddings", 1, limits::kPositions, kind.positions)),
        pooled{kind.siglip, end_of(config)},
        token_embedding(w / "embeddings" / "token_embedding", vocab, tower.block.hidden),
        position_embedding(w / "embeddings" / "position_embedding", positions, tower.block.hidden),
        blocks(blocks_of(tower, w)),
        norm(w / "final_layer_norm", tower.block.hidden, tower.block.eps),
        path((w / "embeddings").path()) {}

  Tensor operator()(const Tokens& tokens) const {  // -> [B,D]
    Tensor x = token_embedding(tokens.ids) + position_embedding(tokens.seqs.positions());
    tokens.note(path, x);
    const Tensor rows = pooled.rows(tokens);
    std::vector<Tensor> biases;
    if (!pooled.last)
      biases.push_back(causal_bias(tower.block.heads, tokens.seqs.longest()).to(x.device()));
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      x = blocks[i](x, tokens.seqs, biases, i + 1 == blocks.size() ? rows : Tensor());
      tokens.note(blocks[i].path, x);
    }
    return norm(blocks.empty() ? x.index_select(0, rows) : x);
  }

 private:
  // Files from before the end token was right say 2, and their end has the largest id.
  static std::int64_t end_of(const Fields& config) {
    const auto end = config.integer("eos_token_id", 0, limits::kVocab, 49407);
    return end == 2 ? -1 : end;
  }
};

// Both towers, in one space.
ImageNet embedder(const Fields& config, const Kind& kind, const Weights& w) {
  const VisionTower vision(config.object("vision_config"), kind, w / "vision_model");
  const TextTower text(config.object("text_config"), kind, w / "text_model");
  const BlockShape& block = vision.tower.block;
  ImageNet net{.channels = vision.channels,
               .pixels = kPassTokens * vision.vit.patches.size.cells(),
               .texts = {.vocab = text.vocab, .positions = text.positions}};
  const LayerNorm norm(w / "vision_model" / "post_layernorm", block.hidden, block.eps);
  if (kind.siglip) {
    net.see = [=, vit = vision.vit, head = AttentionPooling(block, w / "vision_model" / "head")](
                  const Pictures& pictures) {
      const auto states = vit(pictures, 0);
      return each_row(head(norm(states.x), states.seqs));
    };
    const auto size = config.object("text_config")
                          .integer("projection_size", 1, limits::kHidden, text.tower.block.hidden);
    net.texts.read = [text, head = Linear(w / "text_model" / "head", {size, text.tower.block.hidden})](
                   const Tokens& tokens) { return head(text(tokens)); };
    net.texts.bias = w.get("logit_bias", {1});
  } else {
    const auto size = config.integer("projection_dim", 1, limits::kHidden, 512);
    net.see = [=, vit = vision.vit,
               projection = Linear(w / "visual_projection", {size, block.hidden}, false)](
                  const Pictures& pictures) {
      return each_row(projection(norm(vit(pictures, 1).x)));
    };
    net.texts.read = [text, projection = Linear(w / "text_projection", {size, text.tower.block.hidden},
                                          false)](const Tokens& tokens) {
      return projection(text(tokens));
    };
  }
  net.texts.scale = w.get("logit_scale", kind.siglip ? at::IntArrayRef{1} : at::IntArrayRef{});
  if (net.texts.scale.defined()) net.texts.scale = net.texts.scale.to(at::kFloat).exp();
  return net;
}

// The mean of the patches; only SigLIP's are normalised.
ImageNet classifier(const Fields& config, const Kind& kind, const Weights& w) {
  const VisionTower vision(config.object("vision_config"), kind, w / "vision_model");
  const BlockShape& block = vision.tower.block;
  for (const char* other : {"text_model", "visual_projection", "text_projection", "vision_model.head"})
    (w / other).ignore();
  const LayerNorm norm =
      kind.siglip ? LayerNorm(w / "vision_model" / "post_layernorm", block.hidden, block.eps)
                  : LayerNorm();
  if (!kind.siglip) (w / "vision_model" / "post_layernorm").ignore();
  ImageNet net{.channels = vision.channels,
               .pixels = kPassTokens * vision.vit.patches.size.cells()};
  net.see = [=, vit = vision.vit, siglip = kind.siglip,
             linear = Linear(w / "classifier", {label_count(config), block.hidden})](
                const Pictures& pictures) {
    const auto states = vit(pictures, 0);
    return each_row(linear(
        mean_after(siglip ? norm(states.x) : states.x, states.seqs, siglip ? 0 : 1)));
  };
  return net;
}

template <const Kind& kind>
ImageNet build_clip(const Fields& config, const Weights& w, ImageHead head) {
  return head == ImageHead::kClassify ? classifier(config, kind, w) : embedder(config, kind, w);
}

constexpr ImageHead kClipHeads[] = {ImageHead::kEmbed, ImageHead::kClassify};

}  // namespace

Vit clip_tower(const Fields& config, const Weights& w, std::int64_t blocks) {
  const std::string type = config.text("model_type", "clip_vision_model");
  if (type != "clip_vision_model" && type != "siglip_vision_model")
    fail(Errc::kUnsupported, config.where(), ": model_type '", type,
         "' is not supported as what sees, wanted clip_vision_model or siglip_vision_model");
  Json own = config.json();
  own["num_hidden_layers"] = blocks;
  return VisionTower(Fields(std::move(own), config.where()),
                     type == "siglip_vision_model" ? kSiglip : kClip, w)
      .vit;
}

extern const Architecture clip{
    .types = {"clip"},
    .base = "vision_model",
    .image = build_clip<kClip>,
    .image_heads = kClipHeads,
};
extern const Architecture siglip{
    .types = {"siglip"},
    .base = "vision_model",
    .image = build_clip<kSiglip>,
    .image_heads = kClipHeads,
};

}  // namespace hft
