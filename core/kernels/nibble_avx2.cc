// The kernel of nibble_product.h for AVX2.
#if defined(__x86_64__)
// GCC 12 warns of its own headers here.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC target("avx2,fma,f16c,bmi2")
#include "core/kernels/nibble_product.h"
#include "core/kernels/product_vectors.h"

namespace hft {
namespace {

using Kernel = Tiles<Vectors<simd::Medium>>;

__m256i twice(const std::int8_t* bytes) {
  return _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(bytes)));
}
__m256i at(const std::int16_t* numbers) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(numbers));
}

// Sums of R rows with outputs [first, last).
template <int R>
void sums_of(const Product& p, const NibbleInput& in, const NibbleRows& w, Range o, float* to) {
  const __m256i low = twice(in.low), high = twice(in.high), mask = _mm256_set1_epi8(15);
  const std::int64_t blocks = p.depth / kNibbleBlock;
  for (std::int64_t output = o.begin; output < o.end; ++output, ++to) {
    const std::uint8_t* codes = w.codes + output * p.depth / 2;
    const float* sizes = w.sizes + output * blocks;
    __m256 sums[R][2] = {};
    for (std::int64_t b = 0; b < blocks; ++b, codes += kNibbleBlock / 2) {
      const __m256i both = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(codes));
      const __m256i even = _mm256_and_si256(_mm256_srli_epi16(both, 4), mask),
                    odd = _mm256_and_si256(both, mask);
      const __m256i even_low = _mm256_shuffle_epi8(low, even), even_high = _mm256_shuffle_epi8(high, even),
                    odd_low = _mm256_shuffle_epi8(low, odd), odd_high = _mm256_shuffle_epi8(high, odd);
      const __m256i numbers[4] = {
          _mm256_unpacklo_epi8(even_low, even_high), _mm256_unpackhi_epi8(even_low, even_high),
          _mm256_unpacklo_epi8(odd_low, odd_high), _mm256_unpackhi_epi8(odd_low, odd_high)};
      const __m256 size = _mm256_broadcast_ss(sizes + b);
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r) {
        const std::int16_t* x = in.x.get() + r * p.depth + b * kNibbleBlock;
#pragma GCC unroll 2
        for (int half = 0; half < 2; ++half) {  // 4 products of 2^14 times 2^15 at most fill 31 bits
          const __m256i sum =
              _mm256_add_epi32(_mm256_madd_epi16(numbers[2 * half], at(x + 32 * half)),
                               _mm256_madd_epi16(numbers[2 * half + 1], at(x + 32 * half + 16)));
          sums[r][half] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sum), size, sums[r][half]);
        }
      }
    }
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r)
      to[r * kOutputStep] = simd::sum<simd::Medium>(sums[r][0] + sums[r][1]) * in.scales[r];
  }
}

void sums_of_rows(const Product& p, const NibbleInput& in, const NibbleRows& w, Range o, float* to) {
  Kernel::with_rows<4>(p.rows, [&]<int R>() { sums_of<R>(p, in, w, o, to); });
}

}  // namespace

void compute_nibbles(const Product& p, const NibbleInput& input, const NibbleRows& weights,
                     const NibbleRows& gated, std::int64_t begin, std::int64_t end) {
  alignas(64) float sums[4 * kOutputStep + kPanel] = {};
  const std::int64_t step = p.gated ? kOutputStep / 2 : kOutputStep;
  for (Range o{begin, 0}; o.begin < end; o.begin = o.end) {
    o.end = o.begin + step < end ? o.begin + step : end;
    sums_of_rows(p, input, weights, o, sums);
    if (p.gated) sums_of_rows(p, input, gated, o, sums + kOutputStep / 2);
    Kernel::finish(p, o.begin, o.end, sums);
  }
}

}  // namespace hft
#else
#include "core/kernels/nibble_product.h"

namespace hft {

void compute_nibbles(const Product&, const NibbleInput&, const NibbleRows&, const NibbleRows&, std::int64_t,
                     std::int64_t) {}  // serves_nibbles() says no

}  // namespace hft
#endif
