// Phi-1, Phi-1.5 and Phi-2: attention and feed-forward side by side on one norm, positions in a
// part of each head. Paper: arXiv:2306.11644. Checked against the config of microsoft/phi-2.
// Shapes: N tokens of all sequences together, R of them wanted, D hidden, H heads, K key/value
// heads, E head size.
#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/models/architecture.h"
#include "core/models/decoder_net.h"
#include "core/nn/attention.h"
#include "core/nn/embedding.h"
#include "core/nn/norm.h"
#include "core/nn/rope.h"

namespace hft {
namespace {

struct PhiConfig {
  std::int64_t vocab, hidden, layers, heads, kv_heads, head_size, ffn;
  double eps;
  Activation activation;
  bool head_norms;
  explicit PhiConfig(const Fields& config)
      : vocab(config.integer("vocab_size", 1, limits::kVocab)),
        hidden(config.integer("hidden_size", 1, limits::kHidden)),
        layers(config.integer("num_hidden_layers", 0, limits::kLayers)),
        heads(config.integer("num_attention_heads", 1, limits::kHidden)),
        kv_heads(config.integer("num_key_value_heads", 1, limits::kHidden, heads)),
        head_size(config.integer("head_dim", 1, limits::kHidden,
                                 std::max<std::int64_t>(1, hidden / heads))),
        ffn(config.integer("intermediate_size", 1, limits::kHidden)),
        eps(config.real("layer_norm_eps", 0, 1, 1e-5)),
        activation(activation_named(config.text("hidden_act", "gelu_new"), config.where())),
        head_norms(config.boolean("qk_layernorm", false)) {
    if (heads % kv_heads != 0)
      fail(Errc::kBadData, config.where(), ": 'num_attention_heads' is ", heads,
           ", wanted a multiple of 'num_key_value_heads', ", kv_heads);
  }
};

struct PhiLayer {
  LayerNorm input_layernorm, q_layernorm, k_layernorm;
  Linear query_key_value, dense, fc1, fc2;
  CausalAttention causal;
  std::int64_t kv_heads, head_size;
  Activation activation;
  bool head_norms;
  std::string path;

  PhiLayer(const PhiConfig& c, const Weights& w, std::int64_t layer)
      : input_layernorm(w / "input_layernorm", c.hidden, c.eps),
        query_key_value(w / "self_attn",
                        {{"q_proj", c.heads * c.head_size},
                         {"k_proj", c.kv_heads * c.head_size},
                         {"v_proj", c.kv_heads * c.head_size}},
                        c.hidden),
        dense(w / "self_attn" / "dense", {c.hidden, c.heads * c.head_size}),
        fc1(w / "mlp" / "fc1", {c.ffn, c.hidden}),
        fc2(w / "mlp" / "fc2", {c.hidden, c.ffn}),
        causal{layer, c.heads, 1 / std::sqrt(static_cast<double>(c.head_size))},
        kv_heads(c.kv_heads),
        head_size(c.head_size),
        activation(c.activation),
        head_norms(c.head_norms),
        path(w.path()) {
    if (!head_norms) return;
    q_layernorm = LayerNorm(w / "self_attn" / "q_layernorm", c.hidden / c.heads, c.eps);
    k_layernorm = LayerNorm(w / "self_attn" / "k_layernorm", c.hidden / c.heads, c.eps);
  }

  Tensor queries_keys_values(const Tensor& x) const {
    const Tensor qkv = query_key_value(x);  // [N, (H + 2 K) * E]
    if (!head_norms) return qkv;
    const Tensor heads = qkv.view({qkv.size(0), -1, head_size});  // [N, H + 2 K, E]
    return at::concat({q_layernorm(heads.narrow(1, 0, causal.heads)),
                    k_layernorm(heads.narrow(1, causal.heads, kv_heads)),
                    heads.narrow(1, causal.heads + kv_heads, kv_heads)},
                   1)
        .view(qkv.sizes());
  }

  Tensor operator()(const Tensor& x, const Tensor& angles, const Steps& steps, bool last) const {
    const Tensor normed = input_layernorm(x);
    Tensor qkv = queries_keys_values(normed);
    Rope::rotate(qkv, angles, causal.heads + kv_heads, head_size);
    const Tensor mixed = attend_causal(qkv, causal, steps).to(x.scalar_type());  // [N, H*E]
    Tensor y = dense(steps.wanted(mixed, last)).add_(steps.wanted(x, last));
    return fc2.plus(fc1(steps.wanted(normed, last), activation), std::move(y));  // [R,D]
  }
};

struct Phi {
  Embedding embed_tokens;
  std::vector<PhiLayer> layers;
  LayerNorm final_layernorm;
  Rope rope;

  Phi(const Fields& config, const PhiConfig& c, const Weights& w)
      : embed_tokens(w / "embed_tokens", c.vocab, c.hidden),
        final_layernorm(w / "final_layernorm", c.hidden, c.eps),
        rope(config, c.head_size, 0.5) {
    for (std::int64_t i = 0; i < c.layers; ++i) layers.emplace_back(c, w / "layers" / i, i);
  }

  Tensor operator()(const Steps& steps) const {
    const Tensor angles = rope.angles(steps);
    Tensor x = embed_tokens(steps.ids);  // [N,D]
    for (const auto& layer : layers) {
      x = layer(x, angles, steps, &layer == &layers.back());
      steps.note(layer.path, x);
    }
    return final_layernorm(layers.empty() ? steps.wanted(x, true) : x);  // [R,D]
  }
};

DecoderNet build_phi(const Fields& config, const Weights& w) {
  const PhiConfig c(config);
  const Phi phi(config, c, w / "model");
  Linear lm_head = language_head(config, w / "lm_head", {c.vocab, c.hidden},
                                 {w / "model" / "embed_tokens", false}, true);
  return {.hidden = phi,
          .logits = lm_head,
          .cache = std::vector<CacheLayer>(c.layers, {c.kv_heads, c.head_size, 0}),
          .vocab = c.vocab,
          .trained_positions = phi.rope.reach(),
          .size = c.hidden};
}

}  // namespace

extern const Architecture phi{
    .types = {"phi"},
    .base = "model",
    .heads = kDecoderHeads,
    .decoder = build_phi,
};

}  // namespace hft
