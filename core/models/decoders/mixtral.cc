// Mixtral: Llama's layer whose feed-forward part is shared out over experts (arXiv:2401.04088).
#include "core/base/limits.h"
#include "core/models/architecture.h"
#include "core/models/decoders/experts.h"

namespace hft {
namespace {

DecoderNet build_mixtral(const Fields& config, const Weights& w) {
  const LlamaConfig c(config, {8, 0, 1e-5, "silu"});
  const auto count = config.integer("num_local_experts", 1, limits::kLayers, 8);
  const ExpertsConfig experts{
      .count = count,
      .chosen = config.integer("num_experts_per_tok", 1, count, std::min<std::int64_t>(2, count)),
      .gate = "w1",
      .up = "w3",
      .down = "w2"};
  const Weights model = w / "model";
  RotaryStack<ExpertsLayer> stack;
  stack.embed_tokens = Embedding(model / "embed_tokens", c.vocab, c.hidden);
  stack.ropes = LayerRopes(config, c.layers, c.head_size, 1e6);
  for (std::int64_t i = 0; i < c.layers; ++i) {
    const Weights layer = model / "layers" / i, self_attn = layer / "self_attn";
    stack.layers.push_back(
        {RmsNorm(layer / "input_layernorm", c.hidden, c.eps),
         RmsNorm(layer / "post_attention_layernorm", c.hidden, c.eps),
         RotaryAttention(c, self_attn, i, separate_qkv(c, self_attn, false), false),
         Experts(experts, c, layer / (layer.has("mlp.gate.weight") ? "mlp" : "block_sparse_moe")),
         layer.path()});
  }
  stack.norm = RmsNorm(model / "norm", c.hidden, c.eps);
  Linear lm_head =
      language_head(config, w / "lm_head", {c.vocab, c.hidden}, {model / "embed_tokens", false});
  const auto window =
      config.has("sliding_window") ? config.integer("sliding_window", 1, limits::kPositions) : 0;
  return rotary_net(
      c, std::move(stack), std::move(lm_head),
      cache_layers(config, c.layers, c.cache_layer(), window, [](std::int64_t) { return true; }));
}

}  // namespace

extern const Architecture mixtral{
    .types = {"mixtral"},
    .base = "model",
    .heads = kDecoderHeads,
    .decoder = build_mixtral,
};

}  // namespace hft
