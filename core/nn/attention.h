// Scaled dot-product attention inside each sequence of a ragged batch (arXiv:1706.03762).
#pragma once

#include "core/nn/sequences.h"

namespace hft {

// softmax(Q K^T / sqrt(E) + bias) V, each token seeing exactly the tokens of its own sequence.
// qkv [N, 3*H*E]: queries, keys and values side by side. bias: undefined, or [H, M, M] with M at
// least the longest sequence. Returns [N, H*E].
Tensor attend(const Tensor& qkv, std::int64_t heads, const Sequences& seqs,
              const Tensor& bias = {});

}  // namespace hft
