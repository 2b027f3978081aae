#include "core/nn/norm.h"

#include "core/kernels/norm_kernel.h"

namespace hft {

Tensor LayerNorm::operator()(const Tensor& x) const {
  return at::layer_norm(x, weight.sizes(), weight, bias, eps);
}

Tensor LayerNorm::operator()(Tensor x, const Tensor& residual) const {
  const bool narrow = x.scalar_type() == at::kBFloat16;
  if (!x.is_cpu() || (!narrow && x.scalar_type() != at::kFloat) || !x.is_contiguous() ||
      !residual.is_contiguous())
    return (*this)(x.add_(residual));
  add_and_normalise({x.data_ptr(), residual.const_data_ptr(), weight.const_data_ptr(),
                     bias.const_data_ptr(), x.size(0), x.size(1), eps, narrow});
  return x;
}

}  // namespace hft
