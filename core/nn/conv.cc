// A token between its neighbours is a row of one product. The twin is LibTorch's conv1d.
#include "core/nn/conv.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>

#include "core/kernels/product.h"
#include "core/nn/twins.h"
#include "core/nn/workers.h"

namespace hft {
namespace {

// [N,D] -> [N, taps*D]
Tensor neighbours(const Tensor& x, const Sequences& seqs, std::int64_t taps) {
  Tensor y = at::zeros({x.size(0), taps, x.size(1)}, x.options());
  for (std::int64_t b = 0; b < seqs.count(); ++b)
    for (std::int64_t tap = 0; tap < taps; ++tap) {
      const auto after = tap - taps / 2, count = seqs.length(b) - std::abs(after);
      if (count < 1) continue;
      const auto from = seqs.starts[b] + std::max<std::int64_t>(after, 0);
      y.select(1, tap).narrow(0, from - after, count).copy_(x.narrow(0, from, count));
    }
  return y.view({x.size(0), -1});
}

// x [N, K] float32 or bfloat16
Tensor with_kernel(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  const Number type = x.scalar_type() == at::kBFloat16 ? Number::kBFloat16 : Number::kFloat;
  Tensor y = at::empty({x.size(0), weight.size(0)}, x.options());
  const Tensor wide = bias.to(at::kFloat);
  const Product product{.x = x.const_data_ptr(),
                        .x_stride = x.stride(0),
                        .weight = weight.const_data_ptr(),
                        .bias = wide.const_data_ptr(),
                        .y = y.data_ptr(),
                        .y_stride = y.stride(0),
                        .rows = x.size(0),
                        .depth = weight.size(1),
                        .outputs = weight.size(0),
                        .x_type = type,
                        .weight_type = Number::kFloat,
                        .y_type = type,
                        .bias_type = Number::kFloat,
                        .row_exact = true};
  std::atomic<std::int64_t> next = 0;
  const auto work = [&](int) {
    for (std::int64_t o; (o = next.fetch_add(kOutputStep)) < product.outputs;)
      compute_product(product, o, std::min(o + kOutputStep, product.outputs));
  };
  const int count = x.size(0) < kSharedTokens ? 1 : cores();
  count > 1 ? on_each_core(count, work) : work(0);
  return y;
}

Tensor with_libtorch(const Tensor& x, const Sequences& seqs, const Tensor& weight,
                     const Tensor& bias) {
  std::vector<Tensor> parts;
  for (std::int64_t b = 0; b < seqs.count(); ++b) {
    const Tensor tokens = x.narrow(0, seqs.starts[b], seqs.length(b)).t().unsqueeze(0);  // [1,D,T]
    parts.push_back(at::conv1d(tokens, weight.to(x.scalar_type()), bias, 1, weight.size(2) / 2)[0].t());
  }
  return at::concat(parts);
}

}  // namespace

Conv1d::Conv1d(const Weights& w, std::int64_t size, std::int64_t taps)
    : weight_(w.get("weight", {size, size, taps})), bias_(w.small("bias", {size})) {
  if (weight_.defined())
    rows_ = weight_.transpose(1, 2).reshape({size, taps * size}).to(at::kFloat);
}

Tensor Conv1d::operator()(const Tensor& x, const Sequences& seqs, Activation activation) const {
  if (!kernel_computes(x)) return activate(with_libtorch(x, seqs, weight_, bias_), activation);
  if (x.scalar_type() == at::kHalf)
    return (*this)(x.to(at::kFloat), seqs, activation).to(at::kHalf);
  const Tensor around = neighbours(x, seqs, weight_.size(2));
  return activate(with_kernel(around, rows_, bias_), activation);
}

}  // namespace hft
