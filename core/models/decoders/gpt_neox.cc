// GPT-NeoX and Pythia: queries, keys and values of each head side by side in one product; attention
// and feed-forward in parallel or one after the other. Paper: arXiv:2204.06745. Checked against the
// config of EleutherAI/pythia-160m.
// Shapes: N tokens of all sequences together, R of them wanted, D hidden, H heads, E head size.
#include "core/base/limits.h"
#include "core/models/architecture.h"
#include "core/models/decoder_net.h"
#include "core/models/text_net.h"
#include "core/nn/attention.h"
#include "core/nn/embedding.h"
#include "core/nn/learning.h"
#include "core/nn/norm.h"
#include "core/nn/rope.h"

namespace hft {
namespace {

struct NeoxConfig {
  std::int64_t vocab, hidden, layers, heads, size, ffn;
  double eps;
  Activation activation;
  bool bias, parallel;
  explicit NeoxConfig(const Fields& config)
      : vocab(config.integer("vocab_size", 1, limits::kVocab)),
        hidden(config.integer("hidden_size", 1, limits::kHidden)),
        layers(config.integer("num_hidden_layers", 0, limits::kLayers)),
        heads(config.integer("num_attention_heads", 1, limits::kHidden)),
        size(head_size(config, hidden, heads)),
        ffn(config.integer("intermediate_size", 1, limits::kHidden)),
        eps(config.real("layer_norm_eps", 0, 1, 1e-5)),
        activation(activation_named(config.text("hidden_act", "gelu"), config.where())),
        bias(config.boolean("attention_bias", true)),
        parallel(config.boolean("use_parallel_residual", true)) {}
};

struct NeoxLayer {
  LayerNorm input_layernorm, post_attention_layernorm;
  Linear query_key_value, dense, dense_h_to_4h, dense_4h_to_h;
  CausalAttention causal;
  std::int64_t size;
  Activation activation;
  bool parallel;
  std::string path;

  NeoxLayer(const NeoxConfig& c, const Weights& w, std::int64_t layer)
      : input_layernorm(w / "input_layernorm", c.hidden, c.eps),
        post_attention_layernorm(w / "post_attention_layernorm", c.hidden, c.eps),
        query_key_value(w / "attention",
                        {{"query_key_value", 3 * c.hidden, {.groups = c.heads, .kinds = 3}}},
                        c.hidden, c.bias),
        dense(w / "attention" / "dense", {c.hidden, c.hidden}, c.bias),
        dense_h_to_4h(w / "mlp" / "dense_h_to_4h", {c.ffn, c.hidden}),
        dense_4h_to_h(w / "mlp" / "dense_4h_to_h", {c.hidden, c.ffn}),
        causal{layer, c.heads, 1 / std::sqrt(static_cast<double>(c.size))},
        size(c.size),
        activation(c.activation),
        parallel(c.parallel),
        path(w.path()) {}

  Tensor operator()(const Tensor& x, const Tensor& angles, const Steps& steps, bool last) const {
    Tensor qkv = query_key_value(input_layernorm(x));  // [N, 3*H*E]
    Rope::rotate(qkv, angles, 2 * causal.heads, size);
    const Tensor mixed = attend_causal(qkv, causal, steps).to(x.scalar_type());  // [N,D]
    const Tensor before = steps.wanted(x, last);
    Tensor y = dense(steps.wanted(mixed, last)).add_(before);
    const Tensor inner = dense_h_to_4h(post_attention_layernorm(parallel ? before : y), activation);
    return dense_4h_to_h.plus(inner, std::move(y));  // [R,D]
  }
};

struct Neox {
  Embedding embed_in;
  std::vector<NeoxLayer> layers;
  LayerNorm final_layer_norm;
  Rope rope;

  Neox(const Fields& config, const NeoxConfig& c, const Weights& w)
      : embed_in(w / "embed_in", c.vocab, c.hidden),
        final_layer_norm(w / "final_layer_norm", c.hidden, c.eps),
        rope(config, c.size, config.real("rotary_pct", 0, 1, 0.25),
             config.real("rotary_emb_base", 1, 1e12, 10000)) {
    for (std::int64_t i = 0; i < c.layers; ++i) layers.emplace_back(c, w / "layers" / i, i);
  }

  Tensor operator()(const Steps& steps) const {
    const Tensor angles = rope.angles(steps);
    Tensor x = dropped(jittered(embed_in(steps.ids)), &Noise::embedding);  // [N,D]
    for (const auto& layer : layers) {
      x = through(layer, x, angles, steps, &layer == &layers.back());
      steps.note(layer.path, x);
    }
    return final_layer_norm(layers.empty() ? steps.wanted(x, true) : x);  // [R,D]
  }
};

DecoderNet build_gpt_neox(const Fields& config, const Weights& w) {
  const NeoxConfig c(config);
  const Neox neox(config, c, w / "gpt_neox");
  Linear embed_out = language_head(config, w / "embed_out", {c.vocab, c.hidden},
                                   {w / "gpt_neox" / "embed_in", false});
  return {.hidden = neox,
          .logits = embed_out,
          .cache = std::vector<CacheLayer>(c.layers, {c.heads, c.size, 0}),
          .vocab = c.vocab,
          .trained_positions = neox.rope.reach(),
          .size = c.hidden};
}

}  // namespace

extern const Architecture gpt_neox{
    .types = {"gpt_neox"},
    .base = "gpt_neox",
    .heads = kDecoderHeads,
    .decoder = build_gpt_neox,
};

}  // namespace hft
