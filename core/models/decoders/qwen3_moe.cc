// Qwen3-MoE: Qwen3 whose feed-forward parts are shared out over experts (arXiv:2505.09388), all of them or
// those that config names.
#include <algorithm>

#include "core/base/limits.h"
#include "core/models/architecture.h"
#include "core/models/decoders/experts.h"

namespace hft {
namespace {

// Whether the layer's feed-forward part has experts.
bool has_experts(const Fields& config, std::int64_t layer) {
  const Json* dense = config.find("mlp_only_layers");
  const auto every = config.integer("decoder_sparse_step", 1, limits::kLayers, 1);
  return !(dense && std::ranges::count(*dense, Json(layer)) > 0) && (layer + 1) % every == 0;
}

DecoderNet build_qwen3_moe(const Fields& config, const Weights& w) {
  const LlamaConfig c(config, {4, 0, 1e-6, "silu"});
  const bool bias = config.boolean("attention_bias", false);
  const auto count = config.integer("num_experts", 1, limits::kLayers, 128);
  const ExpertsConfig experts{
      .count = count,
      .chosen = config.integer("num_experts_per_tok", 1, count, std::min<std::int64_t>(8, count)),
      .shares_sum_to_one = config.boolean("norm_topk_prob", false)};
  LlamaConfig of_expert = c;
  of_expert.ffn = config.integer("moe_intermediate_size", 1, limits::kHidden, 768);
  const Weights model = w / "model";
  RotaryStack<ExpertsLayer> stack;
  stack.embed_tokens = Embedding(model / "embed_tokens", c.vocab, c.hidden);
  stack.ropes = LayerRopes(config, c.layers, c.head_size);
  for (std::int64_t i = 0; i < c.layers; ++i) {
    const Weights layer = model / "layers" / i, self_attn = layer / "self_attn";
    RotaryAttention attention(c, self_attn, i, separate_qkv(c, self_attn, bias), bias);
    attention.q_norm = RmsNorm(self_attn / "q_norm", c.head_size, c.eps);
    attention.k_norm = RmsNorm(self_attn / "k_norm", c.head_size, c.eps);
    std::function<Tensor(const Tensor&)> mlp;
    if (has_experts(config, i))
      mlp = Experts(experts, of_expert, layer / "mlp");
    else
      mlp = GatedMlp(c, layer / "mlp");
    stack.layers.push_back({RmsNorm(layer / "input_layernorm", c.hidden, c.eps),
                            RmsNorm(layer / "post_attention_layernorm", c.hidden, c.eps),
                            std::move(attention), std::move(mlp), layer.path()});
  }
  stack.norm = RmsNorm(model / "norm", c.hidden, c.eps);
  Linear lm_head =
      language_head(config, w / "lm_head", {c.vocab, c.hidden}, {model / "embed_tokens", false});
  const auto window = config.boolean("use_sliding_window", false)
                          ? config.integer("sliding_window", 1, limits::kPositions, 4096)
                          : 0;
  return rotary_net(c, std::move(stack), std::move(lm_head),
                    cache_layers(config, c.layers, c.cache_layer(), window,
                                 [](std::int64_t) { return true; }));
}

}  // namespace

extern const Architecture qwen3_moe{
    .types = {"qwen3_moe"},
    .base = "model",
    .heads = kDecoderHeads,
    .decoder = build_qwen3_moe,
};

}  // namespace hft
