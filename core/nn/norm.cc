#include "core/nn/norm.h"

#include "core/kernels/norm_kernel.h"
#include "core/kernels/rms_kernel.h"
#include "core/nn/twins.h"

namespace hft {

namespace {

Tensor with_libtorch(const LayerNorm& norm, const Tensor& given) {
  const Tensor x = given.to(norm.weight.device());
  return at::layer_norm(x, norm.weight.sizes(), norm.weight.to(x.scalar_type()),
                        norm.bias.to(x.scalar_type()), norm.eps);
}

// [..., D] -> [N, D], a view where the strides allow it.
Tensor rows_of(const Tensor& x) {
  const Tensor rows = x.reshape({-1, x.size(-1)});  // [N,D]
  return rows.stride(1) == 1 ? rows : rows.contiguous();
}

// Of x, and of x + residual where there is one, into y; all [N, D] of one type.
void run(const LayerNorm& norm, const Tensor& x, const Tensor& residual, Tensor& y) {
  const Tensor weight = norm.weight.to(x.scalar_type()), bias = norm.bias.to(x.scalar_type());
  normalise({.x = x.const_data_ptr(),
             .x_stride = x.stride(0),
             .y = y.data_ptr(),
             .y_stride = y.stride(0),
             .residual = residual.defined() ? residual.const_data_ptr() : nullptr,
             .residual_stride = residual.defined() ? residual.stride(0) : 0,
             .weight = weight.const_data_ptr(),
             .bias = bias.const_data_ptr(),
             .rows = x.size(0),
             .size = x.size(1),
             .eps = norm.eps,
             .bfloat16 = x.scalar_type() == at::kBFloat16});
}

}  // namespace

Tensor LayerNorm::operator()(const Tensor& x) const {
  if (!kernel_computes(x) || weight.requires_grad()) return with_libtorch(*this, x);
  if (x.scalar_type() == at::kHalf) return (*this)(x.to(at::kFloat)).to(at::kHalf);
  Tensor y = at::empty(x.sizes(), x.options());
  Tensor rows = y.view({-1, x.size(-1)});  // [N,D]
  run(*this, rows_of(x), {}, rows);
  return y;
}

Tensor LayerNorm::operator()(Tensor x, const Tensor& residual) const {
  if (!kernel_computes(x) || weight.requires_grad()) return with_libtorch(*this, x + residual.to(x.device()));
  if (x.scalar_type() == at::kHalf || residual.scalar_type() != x.scalar_type())
    return (*this)(x.add_(residual));
  Tensor rows = rows_of(x);
  run(*this, rows, rows_of(residual), rows);
  return rows.data_ptr() == x.data_ptr() ? x : rows.view(x.sizes());  // [...,D]
}

RmsNorm::RmsNorm(const Weights& w, std::int64_t size, double eps, double offset)
    : weight(w.get("weight", {size})), eps(eps) {
  if (weight.defined()) weight = weight.to(at::kFloat) + offset;
}

// The twin, of the last dimension.
Tensor RmsNorm::scaled_by_root(const Tensor& x) const {
  const Tensor wide = x.to(weight.device(), at::kFloat);
  const Tensor scale = at::rsqrt(wide.square().mean(-1, true) + eps);
  return (wide * scale * weight).to(x.scalar_type());
}

Tensor RmsNorm::operator()(const Tensor& x) const {
  if (!kernel_computes(x) || weight.requires_grad()) return scaled_by_root(x);
  if (x.scalar_type() == at::kHalf) return (*this)(x.to(at::kFloat)).to(at::kHalf);
  Tensor y = at::empty(x.sizes(), x.options());
  const Tensor rows = x.contiguous();
  rms_normalise({rows.const_data_ptr(), x.size(1), y.data_ptr(), x.size(1),
                 weight.const_data_ptr<float>(), x.size(0), x.size(1), eps,
                 x.scalar_type() == at::kBFloat16});
  return y;
}

void RmsNorm::heads(Tensor& x, std::int64_t begin, std::int64_t count) const {
  if (!kernel_computes(x) || weight.requires_grad()) {
    const auto size = weight.size(0);
    const Tensor heads = x.narrow(1, begin, count * size).view({x.size(0), count, size});  // [N,H,E]
    const Tensor normed = scaled_by_root(heads).view({x.size(0), count * size});  // [N,H*E]
    x = at::concat({x.narrow(1, 0, begin), normed,
                 x.narrow(1, begin + count * size, x.size(1) - begin - count * size)},
                1);
    return;
  }
  if (x.scalar_type() == at::kHalf) x = x.to(at::kFloat);
  const auto size = weight.size(0);
  for (std::int64_t n = 0; n < x.size(0); ++n) {
    auto* row = static_cast<char*>(x.data_ptr()) + (n * x.stride(0) + begin) * x.element_size();
    rms_normalise({row, size, row, size, weight.const_data_ptr<float>(), count, size, eps,
                   x.scalar_type() == at::kBFloat16});
  }
}

}  // namespace hft
