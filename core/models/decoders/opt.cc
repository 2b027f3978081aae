// OPT: learned positions from row 2 on, norms before or after each part (arXiv:2205.01068). Checked
// against the configs of facebook/opt-125m and opt-350m.
// Shapes: N tokens of all sequences together, R of them wanted, D hidden, W word embedding size.
#include "core/base/limits.h"
#include "core/models/architecture.h"
#include "core/models/decoder_net.h"
#include "core/models/text_net.h"
#include "core/nn/attention.h"
#include "core/nn/embedding.h"
#include "core/nn/norm.h"

namespace hft {
namespace {

constexpr std::int64_t kFirstPosition = 2;
constexpr double kEps = 1e-5;  // no config has a field for it

struct OptConfig {
  std::int64_t vocab, hidden, layers, heads, size, ffn, positions, words;
  Activation activation;
  bool norm_first, last_norm, bias, affine;
  explicit OptConfig(const Fields& config)
      : vocab(config.integer("vocab_size", 1, limits::kVocab)),
        hidden(config.integer("hidden_size", 1, limits::kHidden)),
        layers(config.integer("num_hidden_layers", 0, limits::kLayers)),
        heads(config.integer("num_attention_heads", 1, limits::kHidden)),
        size(head_size(config, hidden, heads)),
        ffn(config.integer("ffn_dim", 1, limits::kHidden)),
        positions(config.integer("max_position_embeddings", 1, limits::kPositions, 2048)),
        words(config.integer("word_embed_proj_dim", 1, limits::kHidden, hidden)),
        activation(activation_named(config.text("activation_function", "relu"), config.where())),
        norm_first(config.boolean("do_layer_norm_before", true)),
        last_norm(norm_first && !config.boolean("_remove_final_layer_norm", false)),
        bias(config.boolean("enable_bias", true)),
        affine(config.boolean("layer_norm_elementwise_affine", true)) {}
};

LayerNorm norm_of(const OptConfig& c, const Weights& w) {
  if (c.affine) return LayerNorm(w, c.hidden, kEps);
  LayerNorm plain;
  const auto options = at::TensorOptions(w.store().dtype()).device(w.store().device());
  plain.weight = at::ones({c.hidden}, options);
  plain.bias = at::zeros({c.hidden}, options);
  plain.eps = kEps;
  return plain;
}

struct OptLayer {
  Linear query_key_value, out_proj, fc1, fc2;
  LayerNorm self_attn_layer_norm, final_layer_norm;
  CausalAttention causal;
  Activation activation;
  bool norm_first;
  std::string path;

  OptLayer(const OptConfig& c, const Weights& w, std::int64_t layer)
      : query_key_value(w / "self_attn",
                        {{"q_proj", c.hidden}, {"k_proj", c.hidden}, {"v_proj", c.hidden}},
                        c.hidden, c.bias),
        out_proj(w / "self_attn" / "out_proj", {c.hidden, c.hidden}, c.bias),
        fc1(w / "fc1", {c.ffn, c.hidden}, c.bias),
        fc2(w / "fc2", {c.hidden, c.ffn}, c.bias),
        self_attn_layer_norm(norm_of(c, w / "self_attn_layer_norm")),
        final_layer_norm(norm_of(c, w / "final_layer_norm")),
        causal{layer, c.heads, 1 / std::sqrt(static_cast<double>(c.size))},
        activation(c.activation),
        norm_first(c.norm_first),
        path(w.path()) {}

  Tensor operator()(const Tensor& input, const Steps& steps, bool last) const {
    const Tensor mixed = attend_causal(
        query_key_value(norm_first ? self_attn_layer_norm(input) : input), causal, steps);
    Tensor x = out_proj(steps.wanted(mixed, last)).add_(steps.wanted(input, last));  // [R,D]
    if (!norm_first) x = self_attn_layer_norm(x);
    const Tensor inner = fc1(norm_first ? final_layer_norm(x) : x, activation);
    x = fc2.plus(inner, std::move(x));
    return norm_first ? x : final_layer_norm(x);
  }
};

struct Opt {
  Embedding embed_tokens, embed_positions;
  std::optional<Linear> project_in, project_out;
  std::vector<OptLayer> layers;
  std::optional<LayerNorm> final_layer_norm;

  Opt(const OptConfig& c, const Weights& w)
      : embed_tokens(w / "embed_tokens", c.vocab, c.words),
        embed_positions(w / "embed_positions", c.positions + kFirstPosition, c.hidden) {
    if (c.words != c.hidden) {
      project_in = Linear(w / "project_in", {c.hidden, c.words}, false);
      project_out = Linear(w / "project_out", {c.words, c.hidden}, false);
    }
    for (std::int64_t i = 0; i < c.layers; ++i) layers.emplace_back(c, w / "layers" / i, i);
    if (c.last_norm) final_layer_norm = norm_of(c, w / "final_layer_norm");
  }

  Tensor operator()(const Steps& steps) const {
    Tensor x = embed_tokens(steps.ids);  // [N,W]
    if (project_in) x = (*project_in)(x);
    x = x + embed_positions(steps.positions + kFirstPosition);  // [N,D]
    for (const auto& layer : layers) {
      x = layer(x, steps, &layer == &layers.back());
      steps.note(layer.path, x);
    }
    if (layers.empty()) x = steps.wanted(x, true);
    if (final_layer_norm) x = (*final_layer_norm)(x);
    return project_out ? (*project_out)(x) : x;  // [R,W]
  }
};

DecoderNet build_opt(const Fields& config, const Weights& w) {
  const OptConfig c(config);
  const Opt opt(c, w / "model" / "decoder");
  Linear lm_head =
      language_head(config, w / "lm_head", {c.vocab, c.words},
                    {w / "model" / "decoder" / "embed_tokens", true});
  return {.hidden = opt,
          .logits = lm_head,
          .cache = std::vector<CacheLayer>(c.layers, {c.heads, c.size, 0}),
          .vocab = c.vocab,
          .positions = c.positions,
          .size = c.words};
}

}  // namespace

extern const Architecture opt{
    .types = {"opt"},
    .base = "model",
    .heads = kDecoderHeads,
    .decoder = build_opt,
};

}  // namespace hft
