// The row of the table for AVX-512 (F, BW, VL and DQ).
#if defined(__x86_64__)
// GCC 12 warns of its own headers here.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,fma,f16c,bmi2")
#include "core/kernels/product_vectors.h"

namespace hft {

void compute_product_avx512(const Product& p, std::int64_t begin, std::int64_t end,
                            const ProductScratch& scratch) {
  Tiles<Vectors<simd::Wide>>::compute(p, begin, end, scratch);
}

}  // namespace hft
#endif
