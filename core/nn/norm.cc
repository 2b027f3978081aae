#include "core/nn/norm.h"

#include "core/kernels/norm_kernel.h"
#include "core/kernels/rms_kernel.h"

namespace hft {

namespace {

// LibTorch would wake its threads for a few rows, and they would then be in the way of ours.
bool kernel_serves(const Tensor& x) {
  return x.is_cpu() && x.dim() == 2 && x.is_contiguous() &&
         (x.scalar_type() == at::kBFloat16 || x.scalar_type() == at::kFloat);
}

void run(const LayerNorm& norm, const Tensor& x, const void* residual, Tensor& y) {
  normalise({x.const_data_ptr(), y.data_ptr(), residual, norm.weight.const_data_ptr(),
             norm.bias.const_data_ptr(), x.size(0), x.size(1), norm.eps,
             x.scalar_type() == at::kBFloat16});
}

}  // namespace

Tensor LayerNorm::operator()(const Tensor& x) const {
  if (!kernel_serves(x)) return at::layer_norm(x, weight.sizes(), weight, bias, eps);
  Tensor y = at::empty_like(x);
  run(*this, x, nullptr, y);
  return y;
}

Tensor LayerNorm::operator()(Tensor x, const Tensor& residual) const {
  if (!kernel_serves(x) || !residual.is_contiguous() || residual.scalar_type() != x.scalar_type())
    return (*this)(x.add_(residual));
  run(*this, x, residual.const_data_ptr(), x);
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
