// Phi-3: Llama's layer with its products joined (arXiv:2404.14219); longrope for the long versions.
#include "core/base/limits.h"
#include "core/models/architecture.h"
#include "core/models/decoders/llama.h"

namespace hft {
namespace {

DecoderNet build_phi3(const Fields& config, const Weights& w) {
  const LlamaConfig c(config, {0, 0, 1e-5, "silu"});
  const Weights model = w / "model";
  RotaryStack<LlamaLayer> stack;
  stack.embed_tokens = Embedding(model / "embed_tokens", c.vocab, c.hidden);
  stack.ropes = LayerRopes(config, c.layers, c.head_size);
  const std::int64_t qkv = (c.heads + 2 * c.kv_heads) * c.head_size;
  for (std::int64_t i = 0; i < c.layers; ++i) {
    const Weights layer = model / "layers" / i, self_attn = layer / "self_attn";
    Linear joined(self_attn / "qkv_proj", {qkv, c.hidden}, false);
    stack.layers.push_back({RmsNorm(layer / "input_layernorm", c.hidden, c.eps),
                            RmsNorm(layer / "post_attention_layernorm", c.hidden, c.eps),
                            RotaryAttention(c, self_attn, i, std::move(joined), false),
                            GatedMlp::joined(c, layer / "mlp"), layer.path()});
  }
  stack.norm = RmsNorm(model / "norm", c.hidden, c.eps);
  Linear lm_head =
      language_head(config, w / "lm_head", {c.vocab, c.hidden}, {model / "embed_tokens", false});
  const auto window =
      config.has("sliding_window") ? config.integer("sliding_window", 1, limits::kPositions) : 0;
  const auto turning_point = stack.ropes.turning_point();
  DecoderNet net = rotary_net(
      c, std::move(stack), std::move(lm_head),
      cache_layers(config, c.layers, c.cache_layer(), window, [](std::int64_t) { return true; }));
  net.turning_point = turning_point;  // prepare_inputs_for_generation of modeling_phi3.py
  return net;
}

}  // namespace

extern const Architecture phi3{
    .types = {"phi3"},
    .base = "model",
    .heads = kDecoderHeads,
    .decoder = build_phi3,
};

}  // namespace hft
