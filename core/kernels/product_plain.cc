// The row of the table that every processor serves.
#include "core/kernels/int8_tiles.h"
#include "core/kernels/product_tiles.h"
#include "core/kernels/simd.h"

namespace hft {
namespace {

#if defined(__aarch64__)
using Float16 = __fp16;  // GCC 12 has the other for x86 alone
#else
using Float16 = _Float16;
#endif

struct Plain {
  static constexpr int kWidth = 4, kRows = 3, kSums = 12, kFewRows = 4;
  typedef float Floats __attribute__((vector_size(16)));
  struct Both {
    Floats first, second;
  };

  [[gnu::always_inline]] static inline Floats load(const float* from) {
    Floats x;
    std::memcpy(&x, from, sizeof x);
    return x;
  }
  [[gnu::always_inline]] static inline void store(Floats x, float* to) {
    std::memcpy(to, &x, sizeof x);
  }
  [[gnu::always_inline]] static inline Floats all(const float* from) { return Floats{} + *from; }
  [[gnu::always_inline]] static inline Floats fused(Floats a, Floats b, Floats sum) {
    return a * b + sum;
  }

  static Floats load(const void* from, Number type, std::int64_t at) {
    if (type == Number::kFloat) return load(static_cast<const float*>(from) + at);
    Floats x{};
    for (int i = 0; i < kWidth; ++i) x[i] = widened(from, type, at + i);
    return x;
  }
  static void store(Floats x, void* to, Number type, std::int64_t at) {
    for (int i = 0; i < kWidth; ++i) narrowed(x[i], to, type, at + i);
  }
  static Both even_and_odd(const std::uint16_t* from) {
    Both both{};
    for (int i = 0; i < kWidth; ++i) {
      both.first[i] = simd::widen(from[2 * i]);
      both.second[i] = simd::widen(from[2 * i + 1]);
    }
    return both;
  }
  static float widened(const void* from, Number type, std::int64_t at) {
    if (type == Number::kFloat) return static_cast<const float*>(from)[at];
    if (type == Number::kHalf) return static_cast<float>(static_cast<const Float16*>(from)[at]);
    return simd::widen(static_cast<const std::uint16_t*>(from)[at]);
  }
  static void narrowed(float x, void* to, Number type, std::int64_t at) {
    if (type == Number::kFloat)
      static_cast<float*>(to)[at] = x;
    else if (type == Number::kHalf)
      static_cast<Float16*>(to)[at] = static_cast<Float16>(x);
    else
      simd::narrow(x, static_cast<std::uint16_t*>(to) + at);
  }

  template <Number type>
  static void lay_out(const void* const (&rows)[kPanel], std::int64_t first, std::int64_t depth,
                      float* panel) {
    for (int i = 0; i < kPanel; ++i)
      for (std::int64_t k = 0; k < depth; ++k)
        panel[k * kPanel + i] = widened(rows[i], type, first + k);
  }
};

}  // namespace

void compute_product_plain(const Product& p, std::int64_t begin, std::int64_t end,
                           const ProductScratch& scratch) {
  Tiles<Plain>::compute(p, begin, end, scratch);
}

void compute_int8_plain(const Product& p, const Int8Operands& operands, std::int64_t begin,
                        std::int64_t end, float* sums) {
  Int8Tiles<Plain, AnyPairs<Plain::Floats>>::compute(p, operands, begin, end, sums);
}

}  // namespace hft
