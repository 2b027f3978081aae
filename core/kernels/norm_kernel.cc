#include "core/kernels/norm_kernel.h"

#include <vector>

#include "core/kernels/simd.h"

namespace hft {
namespace {

using simd::Floats;
using simd::kWidth;

template <class T>
struct Rows {
  [[gnu::always_inline]] static inline void run(const NormRows* in, float* sums) {
    const auto* weight = static_cast<const T*>(in->weight);
    const auto* bias = static_cast<const T*>(in->bias);
    for (std::int64_t row = 0; row < in->rows; ++row) {
      const auto* x = static_cast<const T*>(in->x) + row * in->x_stride;
      const auto* residual = static_cast<const T*>(in->residual);
      auto* y = static_cast<T*>(in->y) + row * in->y_stride;
      if (residual)
        one<true>(x, residual + row * in->residual_stride, y, weight, bias, *in, sums);
      else
        one<false>(x, x, y, weight, bias, *in, sums);
    }
  }

  template <bool summed>
  [[gnu::always_inline]] static inline void one(const T* x, const T* residual, T* y,
                                                const T* weight, const T* bias, const NormRows& in,
                                                float* sums) {
    Floats total{}, squares{};
    float tail = 0, tail_squares = 0;
    for (std::int64_t i = 0; i < in.size; i += kWidth) {
      if (i + kWidth <= in.size) {
        Floats a, b{};
        simd::load(x + i, a);
        if (summed) simd::load(residual + i, b);
        a += b;
        total += a;
        simd::store(a, sums + i);
        continue;
      }
      for (std::int64_t k = i; k < in.size; ++k)
        tail += sums[k] = simd::widen(x[k]) + (summed ? simd::widen(residual[k]) : 0);
    }
    const float mean = (simd::sum(total) + tail) / static_cast<float>(in.size);
    for (std::int64_t i = 0; i < in.size; i += kWidth) {
      if (i + kWidth <= in.size) {
        Floats a;
        simd::load(sums + i, a);
        a -= mean;
        squares += a * a;
        continue;
      }
      for (std::int64_t k = i; k < in.size; ++k)
        tail_squares += (sums[k] - mean) * (sums[k] - mean);
    }
    const float variance = (simd::sum(squares) + tail_squares) / static_cast<float>(in.size);
    const float scale = 1.0f / std::sqrt(variance + static_cast<float>(in.eps));
    for (std::int64_t i = 0; i < in.size; i += kWidth) {
      if (i + kWidth <= in.size) {
        Floats a, w, b;
        simd::load(sums + i, a);
        simd::load(weight + i, w);
        simd::load(bias + i, b);
        simd::store((a - mean) * scale * w + b, y + i);
        continue;
      }
      for (std::int64_t k = i; k < in.size; ++k)
        simd::narrow((sums[k] - mean) * scale * simd::widen(weight[k]) + simd::widen(bias[k]),
                     y + k);
    }
  }
};

}  // namespace

void normalise(const NormRows& in, Processor row) {
  std::vector<float> sums(in.size);
  if (in.bfloat16)
    simd::run_on<Rows<std::uint16_t>>(row, &in, sums.data());
  else
    simd::run_on<Rows<float>>(row, &in, sums.data());
}

}  // namespace hft
