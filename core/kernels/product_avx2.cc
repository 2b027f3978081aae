// The row of the table for AVX2, FMA and F16C.
#if defined(__x86_64__)
// GCC 12 warns of its own headers here.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC target("avx2,fma,f16c,bmi2")
#include <immintrin.h>

#include "core/kernels/product_tiles.h"

namespace hft {
namespace {

// m is transposed: lane j of vector i becomes lane i of vector j.
[[gnu::always_inline]] inline void transpose(__m256 (&m)[8]) {
  __m256 t[8], u[8];
#pragma GCC unroll 4
  for (int i = 0; i < 8; i += 2) {
    t[i] = _mm256_unpacklo_ps(m[i], m[i + 1]);
    t[i + 1] = _mm256_unpackhi_ps(m[i], m[i + 1]);
  }
#pragma GCC unroll 2
  for (int i = 0; i < 8; i += 4) {
    u[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
    u[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
    u[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
    u[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    m[i] = _mm256_permute2f128_ps(u[i], u[i + 4], 0x20);
    m[i + 4] = _mm256_permute2f128_ps(u[i], u[i + 4], 0x31);
  }
}

struct Avx2 {
  static constexpr int kWidth = 8, kRows = 6, kSums = 12, kFewRows = 16;
  using Floats = __m256;
  struct Both {
    Floats first, second;
  };

  [[gnu::always_inline]] static inline Floats load(const float* from) {
    return _mm256_loadu_ps(from);
  }
  [[gnu::always_inline]] static inline void store(Floats x, float* to) { _mm256_storeu_ps(to, x); }
  [[gnu::always_inline]] static inline Floats all(const float* from) {
    return _mm256_broadcast_ss(from);
  }
  [[gnu::always_inline]] static inline Floats fused(Floats a, Floats b, Floats sum) {
    return _mm256_fmadd_ps(a, b, sum);
  }

  [[gnu::always_inline]] static inline Floats load(const void* from, Number type, std::int64_t at) {
    if (type == Number::kFloat) return load(static_cast<const float*>(from) + at);
    const auto* halves = static_cast<const std::uint16_t*>(from) + at;
    const __m128i words = _mm_loadu_si128(reinterpret_cast<const __m128i*>(halves));
    if (type == Number::kHalf) return _mm256_cvtph_ps(words);
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(words), 16));
  }
  [[gnu::always_inline]] static inline void store(Floats x, void* to, Number type,
                                                  std::int64_t at) {
    if (type == Number::kFloat) return store(x, static_cast<float*>(to) + at);
    auto* halves = reinterpret_cast<__m128i*>(static_cast<std::uint16_t*>(to) + at);
    if (type == Number::kHalf) {
      _mm_storeu_si128(halves, _mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
      return;
    }
    const __m256i words = _mm256_castps_si256(x);  // to the nearest, ties to even
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(words, 16), _mm256_set1_epi32(1));
    const __m256i rounded =
        _mm256_add_epi32(_mm256_add_epi32(words, _mm256_set1_epi32(0x7fff)), odd);
    const __m256i quiet = _mm256_or_si256(words, _mm256_set1_epi32(0x400000));  // a NaN stays one
    const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(x, x, _CMP_UNORD_Q));
    const __m256i top = _mm256_srli_epi32(_mm256_blendv_epi8(rounded, quiet, nan), 16);
    const __m256i packed =
        _mm256_permute4x64_epi64(_mm256_packus_epi32(top, _mm256_setzero_si256()), 0x08);
    _mm_storeu_si128(halves, _mm256_castsi256_si128(packed));
  }
  // bfloat16 is the upper half of a float.
  [[gnu::always_inline]] static inline Both even_and_odd(const std::uint16_t* from) {
    const __m256i both = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
    return {_mm256_castsi256_ps(_mm256_slli_epi32(both, 16)),
            _mm256_castsi256_ps(_mm256_and_si256(both, _mm256_set1_epi32(-65536)))};
  }
  static float widened(const void* from, Number type, std::int64_t at) {
    if (type == Number::kFloat) return static_cast<const float*>(from)[at];
    const std::uint32_t half = static_cast<const std::uint16_t*>(from)[at];
    if (type == Number::kHalf) return _cvtsh_ss(static_cast<std::uint16_t>(half));
    return _mm_cvtss_f32(_mm_castsi128_ps(_mm_cvtsi32_si128(static_cast<int>(half << 16))));
  }
  static void narrowed(float x, void* to, Number type, std::int64_t at) {
    if (type == Number::kFloat) {
      static_cast<float*>(to)[at] = x;
      return;
    }
    std::uint16_t halves[kWidth];
    store(_mm256_set1_ps(x), halves, type, 0);
    static_cast<std::uint16_t*>(to)[at] = halves[0];
  }

  // Weights of 8 rows at 16 (bfloat16) or 8 depths from `at` on, as one vector a depth: f(i, vector)
  // for each i in order.
  template <Number type>
  static constexpr int kTogether = type == Number::kBFloat16 ? 16 : 8;
  template <Number type, class F>
  [[gnu::always_inline]] static inline void columns(const void* const* rows, std::int64_t at,
                                                    F&& f) {
    __m256 m[8];
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) {
      const char* from = static_cast<const char*>(rows[i]) + at * bytes_of(type);
      _mm_prefetch(from + kAheadBytes, _MM_HINT_T0);
      // Pairs of bfloat16 are transposed as they are, then each half becomes a float.
      m[i] = type == Number::kBFloat16 ? load(reinterpret_cast<const float*>(from))
                                       : load(from, type, 0);
    }
    transpose(m);
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) {
      if constexpr (type == Number::kBFloat16) {
        const __m256i both = _mm256_castps_si256(m[i]);
        f(2 * i, _mm256_castsi256_ps(_mm256_slli_epi32(both, 16)));
        f(2 * i + 1, _mm256_castsi256_ps(_mm256_and_si256(both, _mm256_set1_epi32(-65536))));
      } else {
        f(i, m[i]);
      }
    }
  }
  // How far ahead weights are fetched: so many rows at once are more than the processor follows.
  static constexpr std::int64_t kAheadBytes = 512;

  template <Number type>
  static void lay_out(const void* const (&rows)[kPanel], std::int64_t first, std::int64_t depth,
                      float* panel) {
    for (int half = 0; half < kPanel; half += kWidth) {
      float* to = panel + half;
      std::int64_t k = 0;
      for (; k + kTogether<type> <= depth; k += kTogether<type>)
        columns<type>(rows + half, first + k, [&](int i, Floats column) __attribute__((
                                                  always_inline)) {
          store(column, to + (k + i) * kPanel);
        });
      for (; k < depth; ++k)
        for (int i = 0; i < kWidth; ++i)
          to[k * kPanel + i] = widened(rows[half + i], type, first + k);
    }
  }
};

}  // namespace

void compute_product_avx2(const Product& p, std::int64_t begin, std::int64_t end,
                          const ProductScratch& scratch) {
  Tiles<Avx2>::compute(p, begin, end, scratch);
}

}  // namespace hft
#endif
