// Convolutions along the tokens of each sequence.
#pragma once

#include "core/nn/activation.h"
#include "core/nn/sequences.h"
#include "core/nn/weights.h"

namespace hft {

class Conv1d {
 public:
  // Binds `weight` {size, size, taps}, taps being odd, and `bias` {size}.
  Conv1d(const Weights& w, std::int64_t size, std::int64_t taps);
  // Each token with as many before as after it, zeros past the ends of its sequence: [N,D] -> [N,D]
  Tensor operator()(const Tensor& x, const Sequences& seqs, Activation activation) const;

 private:
  Tensor weight_, bias_;
  Tensor rows_;  // {size, taps*size} float32, for the kernel
};

}  // namespace hft
