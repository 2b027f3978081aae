// The parts that Llama and its relatives are made of.
#pragma once

#include <string>
#include <vector>

#include "core/models/decoder_net.h"
#include "core/nn/attention.h"
#include "core/nn/embedding.h"
#include "core/nn/norm.h"
#include "core/nn/rope.h"

namespace hft {

// What their configs share. The defaults are those of a field that is absent.
struct LlamaConfig {
  struct Defaults {
    std::int64_t kv_heads = 0;   // 0: as many as heads
    std::int64_t head_size = 0;  // 0: hidden / heads
    double eps = 1e-6;
    std::string activation = "silu";
  };
  std::int64_t vocab, hidden, layers, heads, kv_heads, head_size, ffn, positions;
  double eps;
  Activation activation;
  LlamaConfig(const Fields& config, const Defaults& defaults);

  CacheLayer cache_layer() const { return {kv_heads, head_size, 0}; }
};

struct RotaryAttention {
  Linear query_key_value, o_proj;
  RmsNorm q_norm, k_norm;  // of each head; empty: none
  CausalAttention causal;
  std::int64_t kv_heads, head_size;
  bool turns = true;  // false: no positions in this layer, as where its angles are undefined

  // `qkv` names the three products or one that holds them all.
  RotaryAttention(const LlamaConfig& c, const Weights& w, std::int64_t layer, Linear qkv,
                  bool output_bias);
  // Attention of x [N,D], added to `residual`.
  Tensor plus(const Tensor& x, Tensor residual, const Tensor& angles, const Steps& steps) const;
  Tensor operator()(const Tensor& x, const Tensor& angles, const Steps& steps) const {
    return o_proj(mixed(x, angles, steps));
  }

 private:
  Tensor mixed(const Tensor& x, const Tensor& angles, const Steps& steps) const;
};

// q_proj, k_proj and v_proj as one product.
Linear separate_qkv(const LlamaConfig& c, const Weights& w, bool bias);

// down_proj(act(gate_proj x) * up_proj x)
struct GatedMlp {
  Linear gate_up, down_proj;
  GatedMlp(const LlamaConfig& c, const Weights& w, bool bias = false);
  // gate_up_proj {2 F, D} holds both.
  static GatedMlp joined(const LlamaConfig& c, const Weights& w);
  Tensor plus(const Tensor& x, Tensor residual) const {
    return down_proj.plus(gate_up(x), std::move(residual));
  }
  Tensor operator()(const Tensor& x) const { return down_proj(gate_up(x)); }

 private:
  GatedMlp() = default;
};

// x + attention(norm x), then x + mlp(norm x).
struct LlamaLayer {
  RmsNorm input_layernorm, post_attention_layernorm;
  RotaryAttention self_attn;
  GatedMlp mlp;
  std::string path;
  Tensor operator()(Tensor x, const Tensor& angles, const Steps& steps, bool last) const;
};

// The stack around layers that are called as LlamaLayer is.
template <class Layer>
struct RotaryStack {
  Embedding embed_tokens;
  std::vector<Layer> layers;
  RmsNorm norm;
  LayerRopes ropes;
  double scale = 1;  // of the embeddings

  Tensor operator()(const Steps& steps) const {
    const std::vector<Tensor> angles = ropes.angles(steps);
    Tensor x = embed_tokens(steps.ids);  // [N,D]
    if (scale != 1) x = x * at::scalar_tensor(scale, x.options());
    x = steps.pictures.in(std::move(x));
    bool whole = true;  // no layer has left the rows out that nobody wants
    for (std::size_t i = 0; i < layers.size(); ++i) {
      const auto kind = ropes.kind_of(static_cast<std::int64_t>(i));
      whole = i + 1 < layers.size() || i < steps.pictures.deeper.size();
      x = layers[i](std::move(x), kind < 0 ? Tensor() : angles[kind], steps, !whole);
      x = steps.pictures.plus(std::move(x), i);
      steps.note(layers[i].path, x);
    }
    return norm(whole ? steps.wanted(x, true) : x);  // [R,D]
  }
};

template <class Layer>
DecoderNet rotary_net(const LlamaConfig& c, RotaryStack<Layer> stack, Linear lm_head,
                      std::vector<CacheLayer> cache) {
  DecoderNet net;
  net.trained_positions = stack.ropes.reach();
  net.hidden = std::move(stack);
  net.logits = std::move(lm_head);
  net.cache = std::move(cache);
  net.vocab = c.vocab;
  net.size = c.hidden;
  return net;
}

}  // namespace hft
