// Scaled dot-product attention inside each sequence of a ragged batch (arXiv:1706.03762).
#pragma once

#include "core/nn/sequences.h"
#include "core/nn/steps.h"

namespace hft {

// softmax(Q K^T / sqrt(E) + bias) V, each token seeing exactly the tokens of its own sequence.
// qkv [N, 3*H*E]: queries, keys and values side by side. bias: undefined, or [H, M, M] with M at
// least the longest sequence. Returns [N, H*E].
Tensor attend(const Tensor& qkv, std::int64_t heads, const Sequences& seqs,
              const Tensor& bias = {});

// How a decoder's layer attends: H query heads of E numbers share the cache's key/value heads.
struct CausalAttention {
  std::int64_t layer = 0;  // of the cache
  std::int64_t heads = 0;
  double scale = 0;    // of the scores, 1 / sqrt(E)
  double softcap = 0;  // cap tanh(score / cap); 0: none
};

// qkv [N, (H + 2 K) * E]: queries, keys and values side by side, positions already in them. The
// keys and values are cached; each token sees its sequence's positions up to its own, within the
// layer's window. Returns [N, H*E].
Tensor attend_causal(const Tensor& qkv, const CausalAttention& attention, const Steps& steps);

}  // namespace hft
