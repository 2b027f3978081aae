// Llama and the decoders that differ from it by a few fields: Mistral, Qwen2, Qwen3, SmolLM3.
// Papers: LLaMA arXiv:2302.13971, RoPE arXiv:2104.09864, GQA arXiv:2305.13245, SwiGLU
// arXiv:2002.05202, Mistral arXiv:2310.06825, Qwen2 arXiv:2407.10671, Qwen3 arXiv:2505.09388.
// Shapes: N tokens of all sequences together, R of them wanted, D hidden, H heads, K key/value
// heads, E head size, F feed-forward, V vocabulary.
#include "core/models/decoders/llama.h"

#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/models/architecture.h"
#include "core/nn/learning.h"

namespace hft {

LlamaConfig::LlamaConfig(const Fields& config, const Defaults& defaults)
    : vocab(config.integer("vocab_size", 1, limits::kVocab)),
      hidden(config.integer("hidden_size", 1, limits::kHidden)),
      layers(config.integer("num_hidden_layers", 0, limits::kLayers)),
      heads(config.integer("num_attention_heads", 1, limits::kHidden)),
      kv_heads(config.integer("num_key_value_heads", 1, limits::kHidden,
                              defaults.kv_heads > 0 ? defaults.kv_heads : heads)),
      head_size(config.integer(
          "head_dim", 1, limits::kHidden,
          defaults.head_size > 0 ? defaults.head_size : std::max<std::int64_t>(1, hidden / heads))),
      ffn(config.integer("intermediate_size", 1, limits::kHidden)),
      positions(config.integer("max_position_embeddings", 1, limits::kPositions, 2048)),
      eps(config.real("rms_norm_eps", 0, 1, defaults.eps)),
      activation(activation_named(config.text("hidden_act", defaults.activation), config.where())) {
  if (heads % kv_heads != 0)
    fail(Errc::kBadData, config.where(), ": 'num_attention_heads' is ", heads,
         ", wanted a multiple of 'num_key_value_heads', ", kv_heads);
}

Linear separate_qkv(const LlamaConfig& c, const Weights& w, bool bias) {
  return Linear(w,
                {{"q_proj", c.heads * c.head_size},
                 {"k_proj", c.kv_heads * c.head_size},
                 {"v_proj", c.kv_heads * c.head_size}},
                c.hidden, bias);
}

RotaryAttention::RotaryAttention(const LlamaConfig& c, const Weights& w, std::int64_t layer,
                                 Linear qkv, bool output_bias)
    : query_key_value(std::move(qkv)),
      o_proj(w / "o_proj", {c.hidden, c.heads * c.head_size}, output_bias),
      causal{layer, c.heads, 1 / std::sqrt(static_cast<double>(c.head_size))},
      kv_heads(c.kv_heads),
      head_size(c.head_size) {}

Tensor RotaryAttention::mixed(const Tensor& x, const Tensor& angles, const Steps& steps) const {
  Tensor qkv = query_key_value(x);  // [N, (H + 2 K) * E]
  if (q_norm.weight.defined()) {
    q_norm.heads(qkv, 0, causal.heads);
    k_norm.heads(qkv, causal.heads * head_size, kv_heads);
  }
  if (turns && angles.defined()) Rope::rotate(qkv, angles, causal.heads + kv_heads, head_size);
  return attend_causal(qkv, causal, steps).to(x.scalar_type());  // [N, H*E]
}

Tensor RotaryAttention::plus(const Tensor& x, Tensor residual, const Tensor& angles,
                             const Steps& steps) const {
  return o_proj.plus(mixed(x, angles, steps), std::move(residual));
}

GatedMlp::GatedMlp(const LlamaConfig& c, const Weights& w, bool bias)
    : gate_up(Linear::gated(w, {{{"gate_proj", c.ffn}, {"up_proj", c.ffn}}}, c.hidden, c.activation,
                            bias)),
      down_proj(w / "down_proj", {c.hidden, c.ffn}, bias) {}

GatedMlp GatedMlp::joined(const LlamaConfig& c, const Weights& w) {
  const auto half = [&](std::int64_t begin) {
    return Linear::Part{"gate_up_proj", c.ffn, {.begin = begin, .of = 2 * c.ffn}};
  };
  GatedMlp mlp;
  mlp.gate_up = Linear::gated(w, {half(0), half(c.ffn)}, c.hidden, c.activation);
  mlp.down_proj = Linear(w / "down_proj", {c.hidden, c.ffn}, false);
  return mlp;
}

namespace {

Tensor computed_layer(const LlamaLayer& layer, Tensor x, const Tensor& angles, const Steps& steps,
                      bool last) {
  if (last && steps.rows.defined()) {  // what comes after attention is needed for some rows only
    const Tensor mixed = layer.self_attn(layer.input_layernorm(x), angles, steps);
    x = steps.wanted(x + mixed, last);
  } else {
    const Tensor normed = layer.input_layernorm(x);
    x = layer.self_attn.plus(normed, std::move(x), angles, steps);
  }
  const Tensor normed = layer.post_attention_layernorm(x);
  return layer.mlp.plus(normed, std::move(x));  // [R,D]
}

}  // namespace

Tensor LlamaLayer::operator()(Tensor x, const Tensor& angles, const Steps& steps, bool last) const {
  const Learning* now = learning();
  if (!now) return computed_layer(*this, std::move(x), angles, steps, last);
  if (self_attn.causal.layer == 0) x = jittered(x);  // it is the embeddings
  return recomputed(x, [layer = *this, angles, steps, last](const Tensor& again) {
    return computed_layer(layer, again, angles, steps, last);
  });
}

namespace {

// What differs between the relatives.
struct Kind {
  LlamaConfig::Defaults defaults;
  bool qkv_bias = false, output_bias = false, mlp_bias = false, head_norms = false;
  bool tied = false;  // where config does not say
  std::int64_t window = 0;
  std::function<bool(std::int64_t)> slides = [](std::int64_t) { return true; };
  std::function<bool(std::int64_t)> turns = [](std::int64_t) { return true; };
  double theta = 10000;
};

DecoderNet build_llama(const Fields& config, const Weights& w, const Kind& kind) {
  const LlamaConfig c(config, kind.defaults);
  const Weights model = w / "model";
  RotaryStack<LlamaLayer> stack;
  stack.embed_tokens = Embedding(model / "embed_tokens", c.vocab, c.hidden);
  stack.ropes = LayerRopes(config, c.layers, c.head_size, kind.theta);
  for (std::int64_t i = 0; i < c.layers; ++i) {
    const Weights layer = model / "layers" / i, self_attn = layer / "self_attn";
    RotaryAttention attention(c, self_attn, i, separate_qkv(c, self_attn, kind.qkv_bias),
                              kind.output_bias);
    attention.turns = kind.turns(i);
    if (kind.head_norms) {
      attention.q_norm = RmsNorm(self_attn / "q_norm", c.head_size, c.eps);
      attention.k_norm = RmsNorm(self_attn / "k_norm", c.head_size, c.eps);
    }
    stack.layers.push_back({RmsNorm(layer / "input_layernorm", c.hidden, c.eps),
                            RmsNorm(layer / "post_attention_layernorm", c.hidden, c.eps),
                            std::move(attention), GatedMlp(c, layer / "mlp", kind.mlp_bias),
                            layer.path()});
  }
  stack.norm = RmsNorm(model / "norm", c.hidden, c.eps);
  Linear lm_head = language_head(config, w / "lm_head", {c.vocab, c.hidden},
                                 {model / "embed_tokens", kind.tied});
  return rotary_net(c, std::move(stack), std::move(lm_head),
                    cache_layers(config, c.layers, c.cache_layer(), kind.window, kind.slides));
}

// sliding_window where use_sliding_window says so.
std::int64_t optional_window(const Fields& config, std::int64_t fallback) {
  if (!config.boolean("use_sliding_window", false)) return 0;
  return config.integer("sliding_window", 1, limits::kPositions, fallback);
}

Kind qwen(const Fields& config) {
  Kind kind;
  kind.defaults.kv_heads = 32;
  kind.window = optional_window(config, 4096);
  kind.slides = [from = config.integer("max_window_layers", 0, limits::kLayers, 28)](
                    std::int64_t i) { return i >= from; };
  return kind;
}

DecoderNet build_llama(const Fields& config, const Weights& w) {
  Kind kind;
  kind.qkv_bias = kind.output_bias = config.boolean("attention_bias", false);
  kind.mlp_bias = config.boolean("mlp_bias", false);
  return build_llama(config, w, kind);
}

DecoderNet build_mistral(const Fields& config, const Weights& w) {
  Kind kind;
  kind.defaults.kv_heads = 8;
  const bool sliding = !config.json().contains("sliding_window") || config.has("sliding_window");
  kind.window = sliding ? config.integer("sliding_window", 1, limits::kPositions, 4096) : 0;
  return build_llama(config, w, kind);
}

DecoderNet build_qwen2(const Fields& config, const Weights& w) {
  Kind kind = qwen(config);
  kind.qkv_bias = true;
  return build_llama(config, w, kind);
}

DecoderNet build_qwen3(const Fields& config, const Weights& w) {
  Kind kind = qwen(config);
  kind.defaults.head_size = 128;
  kind.qkv_bias = kind.output_bias = config.boolean("attention_bias", false);
  kind.head_norms = true;
  return build_llama(config, w, kind);
}

DecoderNet build_smollm3(const Fields& config, const Weights& w) {
  Kind kind;
  kind.defaults.kv_heads = 4;
  kind.qkv_bias = kind.output_bias = config.boolean("attention_bias", false);
  kind.mlp_bias = config.boolean("mlp_bias", false);
  kind.tied = true;
  kind.theta = 2e6;
  const auto every = config.integer("no_rope_layer_interval", 1, limits::kLayers, 4);
  kind.turns = [every, list = config.find("no_rope_layers") ? *config.find("no_rope_layers")
                                                            : Json()](std::int64_t i) {
    if (list.is_array() && i < static_cast<std::int64_t>(list.size()) && list[i].is_number())
      return list[i].get<double>() != 0;
    return (i + 1) % every != 0;
  };
  if (config.has("sliding_window")) kind.window = optional_window(config, 4096);
  kind.slides = [turns = kind.turns](std::int64_t i) { return !turns(i); };
  return build_llama(config, w, kind);
}

}  // namespace

extern const Architecture llama{
    .types = {"llama"},
    .base = "model",
    .heads = kDecoderHeads,
    .decoder = build_llama,
};

extern const Architecture mistral{
    .types = {"mistral"},
    .base = "model",
    .heads = kDecoderHeads,
    .decoder = build_mistral,
};

extern const Architecture qwen2{
    .types = {"qwen2"},
    .base = "model",
    .heads = kDecoderHeads,
    .decoder = build_qwen2,
};

extern const Architecture qwen3{
    .types = {"qwen3"},
    .base = "model",
    .heads = kDecoderHeads,
    .decoder = build_qwen3,
};

extern const Architecture smollm3{
    .types = {"smollm3"},
    .base = "model",
    .heads = kDecoderHeads,
    .decoder = build_smollm3,
};

}  // namespace hft
