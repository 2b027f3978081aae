// Mixtral: Llama's layer whose feed-forward part is shared out over experts (arXiv:2401.04088).
// Shapes: N tokens of all sequences together, R of them wanted, D hidden, X experts, T of them for
// each token.
#include <ATen/TensorIndexing.h>

#include "core/base/limits.h"
#include "core/models/architecture.h"
#include "core/models/decoders/llama.h"

namespace hft {
namespace {

struct Experts {
  struct Expert {
    Linear w1_w3, w2;
  };
  Linear gate;
  std::vector<Expert> experts;
  std::int64_t chosen = 0;

  Experts(const Fields& config, const LlamaConfig& c, const Weights& w)
      : gate(w / "gate", {config.integer("num_local_experts", 1, limits::kLayers, 8), c.hidden},
             false) {
    const auto count = config.integer("num_local_experts", 1, limits::kLayers, 8);
    chosen = config.integer("num_experts_per_tok", 1, count, std::min<std::int64_t>(2, count));
    if (const Weights all = w / "experts"; all.has("gate_up_proj")) {  // as transformers 5 has them
      for (std::int64_t i = 0; i < count; ++i) {
        const auto half = [&](std::int64_t begin) {
          return Linear::Part{"gate_up_proj", c.ffn,
                              {.begin = begin, .of = 2 * c.ffn, .slab = i, .slabs = count}};
        };
        experts.push_back(
            {Linear::gated(all, {half(0), half(c.ffn)}, c.hidden, c.activation),
             Linear(all, {{"down_proj", c.hidden, {.slab = i, .slabs = count}}}, c.ffn, false)});
      }
      return;
    }
    for (std::int64_t i = 0; i < count; ++i) {
      const Weights at = w / "experts" / i;
      experts.push_back({Linear::gated(at, {{{"w1", c.ffn}, {"w3", c.ffn}}}, c.hidden, c.activation),
                         Linear(at / "w2", {c.hidden, c.ffn}, false)});
    }
  }

  Tensor operator()(const Tensor& x) const {                 // [R,D] -> [R,D]
    const Tensor shares = at::softmax(gate.in_float(x), 1);  // [R,X]
    auto [weights, best] = at::topk(shares, chosen, 1);      // [R,T] each
    weights = (weights / weights.sum(1, true)).to(x.scalar_type());
    Tensor y = at::zeros_like(x);
    for (std::size_t i = 0; i < experts.size(); ++i) {
      const Tensor found = at::nonzero(best == static_cast<std::int64_t>(i));  // [M,2]
      if (found.size(0) == 0) continue;
      const Tensor rows = found.select(1, 0), places = found.select(1, 1);  // [M]
      const Tensor inner = experts[i].w1_w3(x.index_select(0, rows));
      const Tensor share = weights.index({rows, places}).unsqueeze(1);  // [M,1]
      y.index_add_(0, rows, experts[i].w2(inner) * share);
    }
    return y;
  }
};

struct MixtralLayer {
  RmsNorm input_layernorm, post_attention_layernorm;
  RotaryAttention self_attn;
  Experts block_sparse_moe;
  std::string path;

  Tensor operator()(Tensor x, const Tensor& angles, const Steps& steps, bool last) const {
    const Tensor mixed = self_attn(input_layernorm(x), angles, steps);
    x = steps.wanted(x + mixed, last);
    return x + block_sparse_moe(post_attention_layernorm(x));  // [R,D]
  }
};

DecoderNet build(const Fields& config, const Weights& w) {
  const LlamaConfig c(config, {8, 0, 1e-5, "silu"});
  const Weights model = w / "model";
  RotaryStack<MixtralLayer> stack;
  stack.embed_tokens = Embedding(model / "embed_tokens", c.vocab, c.hidden);
  stack.ropes = LayerRopes(config, c.layers, c.head_size, 1e6);
  for (std::int64_t i = 0; i < c.layers; ++i) {
    const Weights layer = model / "layers" / i, self_attn = layer / "self_attn";
    stack.layers.push_back(
        {RmsNorm(layer / "input_layernorm", c.hidden, c.eps),
         RmsNorm(layer / "post_attention_layernorm", c.hidden, c.eps),
         RotaryAttention(c, self_attn, i, separate_qkv(c, self_attn, false), false),
         Experts(config, c, layer / (layer.has("mlp.gate.weight") ? "mlp" : "block_sparse_moe")),
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
    .decoder = build,
};

}  // namespace hft
