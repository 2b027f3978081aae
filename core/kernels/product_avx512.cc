// The row of the table for AVX-512 (F, BW, VL and DQ).
#if defined(__x86_64__)
// GCC 12 warns of its own headers here.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,fma,f16c,bmi2")
#include "core/kernels/product_vectors.h"

#include "core/kernels/int8_tiles.h"

namespace hft {
namespace {

struct Pairs {
  using Ints = simd::With<simd::Wide>::Ints;
  using Shorts = simd::With<simd::Wide>::Shorts;
  [[gnu::always_inline]] static inline Shorts widened(const std::int8_t* from) {
    return (Shorts)_mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i*)from));
  }
  [[gnu::always_inline]] static inline Ints fused(Shorts a, Shorts b, Ints sum) {
    return sum + (Ints)_mm512_madd_epi16((__m512i)a, (__m512i)b);
  }
};

}  // namespace

void compute_product_avx512(const Product& p, std::int64_t begin, std::int64_t end,
                            const ProductScratch& scratch) {
  Tiles<Vectors<simd::Wide>>::compute(p, begin, end, scratch);
}

void compute_int8_avx512(const Product& p, const Int8Operands& operands, std::int64_t begin,
                       std::int64_t end, float* sums) {
  Int8Tiles<Vectors<simd::Wide>, Pairs>::compute(p, operands, begin, end, sums);
}

}  // namespace hft
#endif
