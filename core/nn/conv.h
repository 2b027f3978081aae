// Convolutions along the tokens of each sequence.
#pragma once

#include "core/nn/activation.h"
#include "core/nn/sequences.h"
#include "core/nn/weights.h"

namespace hft {

class Conv1d {
 public:
  Conv1d() = default;
  // Binds `weight` {size, size, taps} and `bias` {size}.
  Conv1d(const Weights& w, std::int64_t size, std::int64_t taps);
  // Of weights that were made of others, {size, size / groups, taps} float32.
  Conv1d(Tensor weight, Tensor bias, std::int64_t groups);
  // Each token with taps / 2 before it and the others of the taps from it on, zeros past the ends of
  // its sequence: [N,D] -> [N,D]
  Tensor operator()(const Tensor& x, const Sequences& seqs, Activation activation) const;

 private:
  Tensor with_kernel(const Tensor& x, const Sequences& seqs, Activation activation) const;
  Tensor with_libtorch(const Tensor& x, const Sequences& seqs) const;

  Tensor weight_, bias_;
  Tensor rows_;  // for the kernel: {groups, size / groups, taps * size / groups} float32
  std::int64_t groups_ = 1;
};

}  // namespace hft
