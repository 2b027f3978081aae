// Layer normalisation (arXiv:1607.06450).
#pragma once

#include "core/nn/weights.h"

namespace hft {

struct LayerNorm {
  Tensor weight, bias;  // [D]
  double eps = 0;

  LayerNorm() = default;
  LayerNorm(const Weights& w, std::int64_t size, double eps)
      : weight(w.small("weight", {size})), bias(w.small("bias", {size})), eps(eps) {}
  Tensor operator()(const Tensor& x) const;  // [N,D] -> [N,D]
  // Of x + residual, in one pass; x may be overwritten.
  Tensor operator()(Tensor x, const Tensor& residual) const;
};

}  // namespace hft
