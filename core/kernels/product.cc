#include "core/kernels/product.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <new>

#include "core/kernels/product_rows.h"
#include "core/kernels/simd.h"

namespace hft {
namespace {

// Memory of one thread, kept from product to product.
class Scratch {
 public:
  ProductScratch of(std::int64_t rows) {
    const std::int64_t wanted = kPanelFloats + rows * kOutputStep;
    if (wanted > held_) {
      memory_.reset(static_cast<float*>(std::aligned_alloc(64, wanted * sizeof(float))));
      if (!memory_) throw std::bad_alloc();
      held_ = wanted;
    }
    return {memory_.get(), memory_.get() + kPanelFloats};
  }

 private:
  struct Free {
    void operator()(float* memory) const { std::free(memory); }
  };
  std::unique_ptr<float, Free> memory_;
  std::int64_t held_ = 0;
};

bool always(const Product&) { return true; }

struct Row {
  Processor needs;
  bool (*serves)(const Product& p);
  void (*compute)(const Product&, std::int64_t begin, std::int64_t end, const ProductScratch&);
};

// Best first.
constexpr Row kRows[] = {
#if defined(__x86_64__)
    {Processor::kAvx512Bf16, serves_avx512_bf16, compute_product_avx512_bf16},
    {Processor::kAvx512, always, compute_product_avx512},
    {Processor::kAvx2, always, compute_product_avx2},
#endif
#if defined(__aarch64__)
    {Processor::kNeon, always, compute_product_neon},
#endif
    {Processor::kPlain, always, compute_product_plain},
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

double reference(Activation activation, double x) {
  const auto sigmoid = [](double u) { return 1 / (1 + std::exp(-u)); };
  const auto gelu = [](double u) { return u / 2 * (1 + std::erf(u / std::sqrt(2.0))); };
  switch (activation) {
    case Activation::kNone:
      return x;
    case Activation::kRelu:
      return std::max(x, 0.0);
    case Activation::kSilu:
      return x * sigmoid(x);
    case Activation::kGelu:
      return gelu(x);
    case Activation::kGeluTanh:
      return x / 2 * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    case Activation::kGeluQuick:
      return x * sigmoid(1.702 * x);
    case Activation::kGelu10:
      return std::clamp(gelu(x), -10.0, 10.0);
    case Activation::kRelu2:
      return std::max(x, 0.0) * std::max(x, 0.0);
    case Activation::kRelu6:
      return std::clamp(x, 0.0, 6.0);
    case Activation::kLeakyRelu:
      return x < 0 ? x * 0.01 : x;
    case Activation::kMish:
      return x * std::tanh(std::log1p(std::exp(x)));
    case Activation::kTanh:
      return std::tanh(x);
    case Activation::kSigmoid:
      return sigmoid(x);
    case Activation::kLaplace:
      return 0.5 * (1 + std::erf((x - 0.707107) / (0.282095 * std::sqrt(2.0))));
  }
  return x;
}

}  // namespace

void compute_product(const Product& p, std::int64_t begin, std::int64_t end, Processor best) {
  thread_local Scratch scratch;
  for (const Row& row : kRows)
    if (row.needs <= best && row.serves(p)) return row.compute(p, begin, end, scratch.of(p.rows));
}

void compute_product_loops(const Product& p, double* y) {
  for (std::int64_t m = 0; m < p.rows; ++m)
    for (std::int64_t o = 0; o < p.outputs; ++o) {
      double sum = 0, gate = 0;
      for (std::int64_t k = 0; k < p.depth; ++k) {
        const std::int64_t run = p.depth / p.taps;
        const std::int64_t row = p.places ? p.places[m * p.taps + k / run] : m;
        const double x =
            row < 0 ? 0 : number_at(p.x, p.x_type, row * p.x_stride + (p.places ? k % run : k));
        sum += x * number_at(p.weight, p.weight_type,
                             p.weight_stride > 0 ? k * p.weight_stride + o : o * p.depth + k);
        if (p.gated) gate += x * number_at(p.gated, p.gated_type, o * p.depth + k);
      }
      if (p.bias) sum += number_at(p.bias, p.bias_type, o);
      const double more = p.residual ? number_at(p.residual, p.y_type, m * p.y_stride + o) : 0;
      double value = reference(p.activation, p.residual_inside ? sum + more : sum);
      if (p.gated) value *= gate;
      if (!p.residual_inside) value += more;
      y[m * p.outputs + o] = value;
    }
}

}  // namespace hft
