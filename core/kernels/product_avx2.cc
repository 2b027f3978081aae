// The row of the table for AVX2, FMA and F16C.
#if defined(__x86_64__)
// GCC 12 warns of its own headers here.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC target("avx2,fma,f16c,bmi2")
#include "core/kernels/product_vectors.h"

#include "core/kernels/int8_tiles.h"

namespace hft {
namespace {

struct Pairs {
  using Ints = simd::With<simd::Medium>::Ints;
  using Shorts = simd::With<simd::Medium>::Shorts;
  [[gnu::always_inline]] static inline Shorts widened(const std::int8_t* from) {
    return (Shorts)_mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i*)from));
  }
  [[gnu::always_inline]] static inline Ints fused(Shorts a, Shorts b, Ints sum) {
    return sum + (Ints)_mm256_madd_epi16((__m256i)a, (__m256i)b);
  }
};

}  // namespace

void compute_product_avx2(const Product& p, std::int64_t begin, std::int64_t end,
                          const ProductScratch& scratch) {
  Tiles<Vectors<simd::Medium>>::compute(p, begin, end, scratch);
}

void compute_int8_avx2(const Product& p, const Int8Operands& operands, std::int64_t begin,
                       std::int64_t end, float* sums) {
  Int8Tiles<Vectors<simd::Medium>, Pairs>::compute(p, operands, begin, end, sums);
}

}  // namespace hft
#endif
