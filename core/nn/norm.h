// Layer normalisation (arXiv:1607.06450) and its root-mean-square kind (arXiv:1910.07467).
#pragma once

#include "core/nn/weights.h"

namespace hft {

struct LayerNorm {
  Tensor weight, bias;  // [D]
  double eps = 0;

  LayerNorm() = default;
  LayerNorm(const Weights& w, std::int64_t size, double eps)
      : weight(w.small("weight", {size})), bias(w.small("bias", {size})), eps(eps) {}
  Tensor operator()(const Tensor& x) const;  // [...,D] -> [...,D], each row by itself
  // Of x + residual, in one pass; x may be overwritten.
  Tensor operator()(Tensor x, const Tensor& residual) const;
};

struct RmsNorm {
  Tensor weight;  // [size] float32
  double eps = 0;

  RmsNorm() = default;
  // offset: added to the stored weight (Gemma's is 1).
  RmsNorm(const Weights& w, std::int64_t size, double eps, double offset = 0);
  Tensor operator()(const Tensor& x) const;  // [N,D] -> [N,D]
  // Each of `count` heads of `size` numbers in x [N, …], from column `begin` on, in place.
  void heads(Tensor& x, std::int64_t begin, std::int64_t count) const;

 private:
  Tensor scaled_by_root(const Tensor& x) const;
};

}  // namespace hft
