// The rows of the tables for 64-bit ARM, every one of which has NEON.
#if defined(__aarch64__)
#include "core/kernels/int8_tiles.h"
#include "core/kernels/product_vectors.h"

namespace hft {
namespace {

struct Pairs {
  using Ints = simd::With<simd::Narrow>::Ints;
  using Shorts = simd::With<simd::Narrow>::Shorts;
  [[gnu::always_inline]] static inline Shorts widened(const std::int8_t* from) {
    return (Shorts)vmovl_s8(vld1_s8(from));
  }
  [[gnu::always_inline]] static inline Ints fused(Shorts a, Shorts b, Ints sum) {
    const int16x8_t left = (int16x8_t)a, right = (int16x8_t)b;
    return sum + (Ints)vpaddq_s32(vmull_s16(vget_low_s16(left), vget_low_s16(right)),
                                  vmull_high_s16(left, right));
  }
};

}  // namespace

void compute_product_neon(const Product& p, std::int64_t begin, std::int64_t end,
                          const ProductScratch& scratch) {
  Tiles<Vectors<simd::Narrow>>::compute(p, begin, end, scratch);
}

void compute_int8_neon(const Product& p, const Int8Operands& operands, std::int64_t begin,
                       std::int64_t end, float* sums) {
  Int8Tiles<Vectors<simd::Narrow>, Pairs>::compute(p, operands, begin, end, sums);
}

}  // namespace hft
#endif
