#include "core/nn/norm.h"

namespace hft {

Tensor LayerNorm::operator()(const Tensor& x) const {
  return at::layer_norm(x, weight.sizes(), weight, bias, eps);
}

Tensor LayerNorm::operator()(Tensor x, const Tensor& residual) const {
  return (*this)(x.add_(residual));
}

}  // namespace hft
