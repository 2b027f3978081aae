// Gemma, Gemma 2 and 3: Llama's layer with norms of weight 1 + w and scaled embeddings; Gemma 2 also
// normalises what a block gives, caps scores and logits, and slides in every other layer; Gemma 3
// normalises queries and keys instead, and slides in five of six layers, whose positions are others.
// Papers: arXiv:2403.08295, arXiv:2408.00118, arXiv:2503.19786. Shapes: N tokens of all sequences together, R of them
// wanted, D hidden.
#include "core/base/limits.h"
#include "core/models/architecture.h"
#include "core/models/decoders/llama.h"

namespace hft {
namespace {

constexpr double kNormOffset = 1;

// x + norm(attention(norm x)), then x + norm(mlp(norm x)).
struct Gemma2Layer {
  RmsNorm input_layernorm, post_attention_layernorm, pre_feedforward_layernorm,
      post_feedforward_layernorm;
  RotaryAttention self_attn;
  GatedMlp mlp;
  std::string path;

  Tensor operator()(Tensor x, const Tensor& angles, const Steps& steps, bool last) const {
    const Tensor mixed = self_attn(input_layernorm(x), angles, steps);  // [N,D]
    x = steps.wanted(x, last) + post_attention_layernorm(steps.wanted(mixed, last));
    return x + post_feedforward_layernorm(mlp(pre_feedforward_layernorm(x)));  // [R,D]
  }
};

template <class Layer>
RotaryStack<Layer> stack_of(const Fields& config, const LlamaConfig& c, const Weights& model) {
  RotaryStack<Layer> stack;
  stack.embed_tokens = Embedding(model / "embed_tokens", c.vocab, c.hidden);
  stack.ropes = LayerRopes(config, c.layers, c.head_size);
  stack.norm = RmsNorm(model / "norm", c.hidden, c.eps, kNormOffset);
  stack.scale = std::sqrt(static_cast<double>(c.hidden));
  return stack;
}

DecoderNet build_gemma(const Fields& config, const Weights& w) {
  const LlamaConfig c(config, {16, 256, 1e-6, "gelu_pytorch_tanh"});
  const bool bias = config.boolean("attention_bias", false);
  const Weights model = w / "model";
  auto stack = stack_of<LlamaLayer>(config, c, model);
  for (std::int64_t i = 0; i < c.layers; ++i) {
    const Weights layer = model / "layers" / i, self_attn = layer / "self_attn";
    const auto norm = [&](std::string_view name) {
      return RmsNorm(layer / name, c.hidden, c.eps, kNormOffset);
    };
    stack.layers.push_back(
        {norm("input_layernorm"), norm("post_attention_layernorm"),
         RotaryAttention(c, self_attn, i, separate_qkv(c, self_attn, bias), bias),
         GatedMlp(c, layer / "mlp"), layer.path()});
  }
  Linear lm_head =
      language_head(config, w / "lm_head", {c.vocab, c.hidden}, {model / "embed_tokens", true});
  return rotary_net(c, std::move(stack), std::move(lm_head),
                    std::vector<CacheLayer>(c.layers, c.cache_layer()));
}

// What differs between Gemma 2 and 3, where config does not say.
struct Later {
  double score_cap, logit_cap;
  std::int64_t window;
  bool head_norms;
  std::function<bool(std::int64_t)> slides;
};

DecoderNet build_later(const Fields& config, const Weights& w, const Later& later) {
  LlamaConfig c(config, {4, 256, 1e-6, "gelu_pytorch_tanh"});
  c.activation =
      activation_named(config.text("hidden_activation", "gelu_pytorch_tanh"), config.where());
  const bool bias = config.boolean("attention_bias", false);
  const auto cap = [&](std::string_view key, double fallback) {  // null: none
    return config.json().contains(key) && !config.has(key) ? 0.0
                                                           : config.real(key, 0, 1e9, fallback);
  };
  const Weights model = w / "model";
  auto stack = stack_of<Gemma2Layer>(config, c, model);
  for (std::int64_t i = 0; i < c.layers; ++i) {
    const Weights layer = model / "layers" / i, self_attn = layer / "self_attn";
    const auto norm = [&](std::string_view name) {
      return RmsNorm(layer / name, c.hidden, c.eps, kNormOffset);
    };
    RotaryAttention attention(c, self_attn, i, separate_qkv(c, self_attn, bias), bias);
    attention.causal.scale = 1 / std::sqrt(config.real("query_pre_attn_scalar", 1e-9, 1e9, 256));
    attention.causal.softcap = cap("attn_logit_softcapping", later.score_cap);
    if (later.head_norms) {
      attention.q_norm = RmsNorm(self_attn / "q_norm", c.head_size, c.eps, kNormOffset);
      attention.k_norm = RmsNorm(self_attn / "k_norm", c.head_size, c.eps, kNormOffset);
    }
    stack.layers.push_back({norm("input_layernorm"), norm("post_attention_layernorm"),
                            norm("pre_feedforward_layernorm"), norm("post_feedforward_layernorm"),
                            std::move(attention), GatedMlp(c, layer / "mlp"), layer.path()});
  }
  Linear lm_head =
      language_head(config, w / "lm_head", {c.vocab, c.hidden}, {model / "embed_tokens", true});
  DecoderNet net =
      rotary_net(c, std::move(stack), lm_head,
                 cache_layers(config, c.layers, c.cache_layer(),
                              config.integer("sliding_window", 1, limits::kPositions, later.window),
                              later.slides));
  net.finish = [top = cap("final_logit_softcapping", later.logit_cap)](Tensor& logits) {
    if (top > 0) logits.div_(top).tanh_().mul_(top);
  };
  return net;
}

DecoderNet build_gemma2(const Fields& config, const Weights& w) {
  return build_later(config, w, {50, 30, 4096, false, [](std::int64_t i) { return i % 2 == 0; }});
}

// The config with layer_types and with positions by layer type, as transformers 5 writes it: those of
// layers that slide are rope_local_base_freq's, and no scaling is theirs.
Fields by_layer_type(const Fields& config) {
  Json json = config.json();
  const auto every = config.integer("sliding_window_pattern", 1, limits::kLayers, 6);
  if (!config.has("layer_types")) {
    json["layer_types"] = Json::array();
    for (std::int64_t i = 0; i < config.integer("num_hidden_layers", 0, limits::kLayers); ++i)
      json["layer_types"].push_back((i + 1) % every ? "sliding_attention" : "full_attention");
  }
  const Json* own = config.find("rope_parameters");
  if (own && own->is_object() && own->contains("full_attention")) return Fields(json, config.where());
  Json full = config.object("rope_scaling").json();
  if (full.empty()) full["rope_type"] = "default";
  full["rope_theta"] = config.real("rope_theta", 1, 1e12, 1e6);
  const double local = config.real("rope_local_base_freq", 1, 1e12, 1e4);
  json["rope_parameters"] = {{"full_attention", full},
                             {"sliding_attention", {{"rope_type", "default"}, {"rope_theta", local}}}};
  return Fields(json, config.where());
}

DecoderNet build_gemma3(const Fields& config, const Weights& w) {
  return build_later(by_layer_type(config), w, {0, 0, 4096, true, [](std::int64_t) { return true; }});
}

}  // namespace

extern const Architecture gemma{
    .types = {"gemma"},
    .base = "model",
    .heads = kDecoderHeads,
    .decoder = build_gemma,
};

extern const Architecture gemma2{
    .types = {"gemma2"},
    .base = "model",
    .heads = kDecoderHeads,
    .decoder = build_gemma2,
};

extern const Architecture gemma3{
    .types = {"gemma3_text"},
    .base = "model",
    .heads = kDecoderHeads,
    .decoder = build_gemma3,
};

}  // namespace hft
