// gpt-oss: Llama's layer with biases, whose heads may look at nothing (a learned score stands beside
// those of the positions), which slides in every other layer, and whose feed-forward part is shared
// out over experts of a SwiGLU that is clamped (arXiv:2508.10925). Shapes: R tokens, D hidden, H heads,
// X experts, F feed-forward, M tokens of an expert.
#include "core/base/limits.h"
#include "core/models/architecture.h"
#include "core/models/decoders/experts.h"

namespace hft {
namespace {

// (up + 1) * gate * sigmoid(alpha * gate), both kept within bounds. Gates and ups lie in turns.
struct GptOssExpert {
  Linear gate_up_proj, down_proj;
  double alpha, limit;

  Tensor operator()(const Tensor& x) const {
    const Tensor both = gate_up_proj(x);                                     // [M,2F]
    const Tensor pairs = both.view({both.size(0), both.size(1) / 2, 2});     // [M,F,2]
    const Tensor gate = pairs.select(2, 0).clamp_max(limit);                 // [M,F]
    const Tensor up = pairs.select(2, 1).clamp(-limit, limit);
    return down_proj((up + 1) * (gate * activate(gate * alpha, Activation::kSigmoid)));         // [M,D]
  }
};

Experts gpt_oss_experts(const Fields& config, const LlamaConfig& c, const Weights& w) {
  const auto count = config.integer("num_local_experts", 1, limits::kLayers, 128);
  const double alpha = config.real("swiglu_alpha", 0, 1e6, 1.702),
               limit = config.real("swiglu_limit", 0, 1e6, 7);
  const Weights experts = w / "experts";
  std::vector<Expert> all;
  for (std::int64_t i = 0; i < count; ++i) {
    // {in, out} each; as rows where they are in codes.
    const Linear::Stored stored{.transposed = true, .slab = i, .slabs = count};
    all.push_back(GptOssExpert{Linear(experts, {{"gate_up_proj", 2 * c.ffn, stored}}, c.hidden),
                               Linear(experts, {{"down_proj", c.hidden, stored}}, c.ffn), alpha, limit});
  }
  return Experts({.count = count,
                  .chosen = config.integer("num_experts_per_tok", 1, count, std::min<std::int64_t>(4, count))},
                 Linear(w / "router", {count, c.hidden}), std::move(all));
}

DecoderNet build_gpt_oss(const Fields& config, const Weights& w) {
  const LlamaConfig c(config, {8, 64, 1e-5, "silu"});
  const bool bias = config.boolean("attention_bias", true);
  const Weights model = w / "model";
  RotaryStack<ExpertsLayer> stack;
  stack.embed_tokens = Embedding(model / "embed_tokens", c.vocab, c.hidden);
  stack.ropes = LayerRopes(config, c.layers, c.head_size, 150000);
  for (std::int64_t i = 0; i < c.layers; ++i) {
    const Weights layer = model / "layers" / i, self_attn = layer / "self_attn";
    RotaryAttention attention(c, self_attn, i, separate_qkv(c, self_attn, bias), bias);
    if (const Tensor sinks = self_attn.small("sinks", {c.heads}); sinks.defined())
      attention.causal.sinks = sinks.to(at::kFloat).contiguous();
    stack.layers.push_back({RmsNorm(layer / "input_layernorm", c.hidden, c.eps),
                            RmsNorm(layer / "post_attention_layernorm", c.hidden, c.eps),
                            std::move(attention), gpt_oss_experts(config, c, layer / "mlp"),
                            layer.path()});
  }
  stack.norm = RmsNorm(model / "norm", c.hidden, c.eps);
  Linear lm_head =
      language_head(config, w / "lm_head", {c.vocab, c.hidden}, {model / "embed_tokens", false});
  const bool none = config.json().contains("sliding_window") && !config.has("sliding_window");
  return rotary_net(c, std::move(stack), std::move(lm_head),
                    cache_layers(config, c.layers, c.cache_layer(),
                                 none ? 0 : config.integer("sliding_window", 1, limits::kPositions, 128),
                                 [](std::int64_t i) { return i % 2 == 0; }));
}

}  // namespace

extern const Architecture gpt_oss{
    .types = {"gpt_oss"},
    .base = "model",
    .heads = kDecoderHeads,
    .decoder = build_gpt_oss,
};

}  // namespace hft
