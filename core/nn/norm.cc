#include "core/nn/norm.h"

#include "core/kernels/norm_kernel.h"
#include "core/kernels/rms_kernel.h"

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

RmsNorm::RmsNorm(const Weights& w, std::int64_t size, double eps, double offset)
    : weight(w.get("weight", {size})), eps(eps) {
  if (weight.defined()) weight = weight.to(at::kFloat) + offset;
}

Tensor RmsNorm::operator()(const Tensor& x) const {
  if (x.scalar_type() == at::kHalf) return (*this)(x.to(at::kFloat)).to(at::kHalf);
  Tensor y = at::empty(x.sizes(), x.options());
  const Tensor rows = x.contiguous();
  rms_normalise({rows.const_data_ptr(), x.size(1), y.data_ptr(), x.size(1),
                 weight.const_data_ptr<float>(), x.size(0), x.size(1), eps,
                 x.scalar_type() == at::kBFloat16});
  return y;
}

void RmsNorm::heads(Tensor& x, std::int64_t begin, std::int64_t count) const {
  if (x.scalar_type() == at::kHalf) x = x.to(at::kFloat);
  const auto size = weight.size(0);
  for (std::int64_t n = 0; n < x.size(0); ++n) {
    auto* row = static_cast<char*>(x.data_ptr()) + (n * x.stride(0) + begin) * x.element_size();
    rms_normalise({row, size, row, size, weight.const_data_ptr<float>(), count, size, eps,
                   x.scalar_type() == at::kBFloat16});
  }
}

}  // namespace hft
