// The row of the table for AVX2, FMA and F16C.
#if defined(__x86_64__)
// GCC 12 warns of its own headers here.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC target("avx2,fma,f16c,bmi2")
#include "core/kernels/product_vectors.h"

namespace hft {

void compute_product_avx2(const Product& p, std::int64_t begin, std::int64_t end,
                          const ProductScratch& scratch) {
  Tiles<Vectors<simd::Medium>>::compute(p, begin, end, scratch);
}

}  // namespace hft
#endif
