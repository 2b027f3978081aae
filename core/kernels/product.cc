#include "core/kernels/product.h"

#include <cmath>
#include <cstdlib>
#include <memory>
#include <new>

#include "core/kernels/product_avx512.h"
#include "core/kernels/simd.h"

namespace hft {
namespace {

// Memory of one thread, kept from product to product.
class Scratch {
 public:
  ProductScratch of(std::int64_t rows) {
    const std::int64_t wanted = (kPanelUnits + rows) * kOutputStep;
    if (wanted > held_) {
      memory_.reset(static_cast<float*>(std::aligned_alloc(64, wanted * sizeof(float))));
      if (!memory_) throw std::bad_alloc();
      held_ = wanted;
    }
    return {reinterpret_cast<std::uint32_t*>(memory_.get()),
            memory_.get() + kPanelUnits * kOutputStep};
  }

 private:
  struct Free {
    void operator()(float* memory) const { std::free(memory); }
  };
  std::unique_ptr<float, Free> memory_;
  std::int64_t held_ = 0;
};

float half_to_float(std::uint16_t half) {
  const int exponent = half >> 10 & 31, fraction = half & 1023;
  const float size = exponent == 0    ? std::ldexp(fraction, -24)
                     : exponent == 31 ? (fraction ? NAN : INFINITY)
                                      : std::ldexp(fraction + 1024, exponent - 25);
  return half & 0x8000 ? -size : size;
}

double number_at(const void* numbers, Number type, std::int64_t i) {
  if (type == Number::kFloat) return static_cast<const float*>(numbers)[i];
  const std::uint16_t bits = static_cast<const std::uint16_t*>(numbers)[i];
  return type == Number::kHalf ? half_to_float(bits) : simd::widen(bits);
}

double apply(Epilogue epilogue, double x) {
  switch (epilogue) {
    case Epilogue::kNone:
      return x;
    case Epilogue::kRelu:
      return std::max(x, 0.0);
    case Epilogue::kSilu:
      return x / (1 + std::exp(-x));
    case Epilogue::kGelu:
      return x / 2 * (1 + std::erf(x / std::sqrt(2.0)));
    case Epilogue::kGeluTanh:
      return x / 2 * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
  }
  return x;
}

}  // namespace

bool has_product_kernel() {
#if defined(__x86_64__)
  static const bool has = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                          __builtin_cpu_supports("avx512vl") &&
                          __builtin_cpu_supports("avx512dq") &&
                          __builtin_cpu_supports("avx512bf16");
  return has;
#else
  return false;
#endif
}

void compute_product(const Product& p, std::int64_t begin, std::int64_t end) {
#if defined(__x86_64__)
  thread_local Scratch scratch;
  compute_product_avx512(p, begin, end, scratch.of(p.rows));
#endif
}

void compute_product_plain(const Product& p, double* y) {
  for (std::int64_t m = 0; m < p.rows; ++m)
    for (std::int64_t o = 0; o < p.outputs; ++o) {
      double sum = 0, gate = 0;
      for (std::int64_t k = 0; k < p.depth; ++k) {
        const double x = number_at(p.x, p.x_type, m * p.x_stride + k);
        sum += x * number_at(p.weight, p.weight_type, o * p.depth + k);
        if (p.gated) gate += x * number_at(p.gated, p.weight_type, o * p.depth + k);
      }
      if (p.bias) sum += number_at(p.bias, p.bias_type, o);
      double value = apply(p.epilogue, sum);
      if (p.gated) value *= gate;
      if (p.residual) value += number_at(p.residual, p.y_type, m * p.y_stride + o);
      y[m * p.outputs + o] = value;
    }
}

}  // namespace hft
