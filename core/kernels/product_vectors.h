// The vectors of product_tiles.h, of any width, in GCC's portable ones but for the conversions of
// float16. To be included after a file has said which instructions it may use.
#pragma once

#if defined(__aarch64__)
#include <arm_neon.h>
#else
#include <immintrin.h>
#endif

#include <bit>

#include "core/kernels/product_tiles.h"

namespace hft {
namespace {

// float16 to float and back, kCount at a time.
struct Float16 {
#if defined(__aarch64__)
  static constexpr int kCount = 4;
  [[gnu::always_inline]] static inline void widen(const std::uint16_t* from, float* to) {
    vst1q_f32(to, vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(from))));
  }
  [[gnu::always_inline]] static inline void narrow(const float* from, std::uint16_t* to) {
    vst1_u16(to, vreinterpret_u16_f16(vcvt_f16_f32(vld1q_f32(from))));
  }
  static float widened(std::uint16_t x) { return static_cast<float>(std::bit_cast<__fp16>(x)); }
  static std::uint16_t narrowed(float x) {
    return std::bit_cast<std::uint16_t>(static_cast<__fp16>(x));
  }
#else
  static constexpr int kCount = 8;
  [[gnu::always_inline]] static inline void widen(const std::uint16_t* from, float* to) {
    _mm256_storeu_ps(to, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i*)from)));
  }
  [[gnu::always_inline]] static inline void narrow(const float* from, std::uint16_t* to) {
    _mm_storeu_si128((__m128i*)to,
                     _mm256_cvtps_ph(_mm256_loadu_ps(from), _MM_FROUND_TO_NEAREST_INT));
  }
  static float widened(std::uint16_t x) { return _cvtsh_ss(x); }
  static std::uint16_t narrowed(float x) { return _cvtss_sh(x, _MM_FROUND_TO_NEAREST_INT); }
#endif
};

// Two squares of `half` lanes change places: those of a's upper lanes with those of b's lower ones.
template <int half, class V, int... i>
[[gnu::always_inline]] inline void swap_squares(V& a, V& b, std::integer_sequence<int, i...>) {
  constexpr int kWidth = sizeof...(i);
  const V low = __builtin_shufflevector(a, b, (i & half ? kWidth + i - half : i)...);
  const V high = __builtin_shufflevector(a, b, (i & half ? kWidth + i : i + half)...);
  a = low;
  b = high;
}
// m is transposed: lane j of vector i becomes lane i of vector j.
template <class V, int width, int half = width / 2>
[[gnu::always_inline]] inline void transpose(V (&m)[width]) {
#pragma GCC unroll 16
  for (int i = 0; i < width; ++i)
    if (!(i & half)) swap_squares<half>(m[i], m[i + half], std::make_integer_sequence<int, width>());
  if constexpr (half > 1) transpose<V, width, half / 2>(m);
}

template <class V>
struct Vectors {
  using Floats = V;
  struct Both {
    Floats first, second;
  };
  static constexpr int kWidth = simd::width<V>;
  // Of 16 registers or, of the narrowest (NEON) and the widest (AVX-512), 32.
  static constexpr int kRows = 6, kSums = kWidth == 8 ? 12 : 24, kFewRows = 16;

  [[gnu::always_inline]] static inline Floats load(const float* from) {
    Floats x;
    simd::load(from, x);
    return x;
  }
  [[gnu::always_inline]] static inline void store(Floats x, float* to) { simd::store(x, to); }
  [[gnu::always_inline]] static inline Floats all(const float* from) { return *from - Floats{}; }
  [[gnu::always_inline]] static inline Floats fused(Floats a, Floats b, Floats sum) {
    return a * b + sum;
  }

  [[gnu::always_inline]] static inline Floats load(const void* from, Number type, std::int64_t at) {
    if (type == Number::kFloat) return load(static_cast<const float*>(from) + at);
    const auto* halves = static_cast<const std::uint16_t*>(from) + at;
    Floats x;
    if (type == Number::kBFloat16) {
      simd::load(halves, x);
      return x;
    }
    for (int i = 0; i < kWidth; i += Float16::kCount)
      Float16::widen(halves + i, reinterpret_cast<float*>(&x) + i);
    return x;
  }
  [[gnu::always_inline]] static inline void store(Floats x, void* to, Number type,
                                                  std::int64_t at) {
    if (type == Number::kFloat) return store(x, static_cast<float*>(to) + at);
    auto* halves = static_cast<std::uint16_t*>(to) + at;
    if (type == Number::kBFloat16) return simd::store(x, halves);
    for (int i = 0; i < kWidth; i += Float16::kCount)
      Float16::narrow(reinterpret_cast<const float*>(&x) + i, halves + i);
  }
  static float widened(const void* from, Number type, std::int64_t at) {
    if (type == Number::kFloat) return static_cast<const float*>(from)[at];
    const std::uint16_t half = static_cast<const std::uint16_t*>(from)[at];
    return type == Number::kHalf ? Float16::widened(half) : simd::widen(half);
  }
  static void narrowed(float x, void* to, Number type, std::int64_t at) {
    if (type == Number::kFloat)
      static_cast<float*>(to)[at] = x;
    else if (type == Number::kHalf)
      static_cast<std::uint16_t*>(to)[at] = Float16::narrowed(x);
    else
      simd::narrow(x, static_cast<std::uint16_t*>(to) + at);
  }

  // bfloat16 is the upper half of a float: those of pairs, at even and at odd places.
  [[gnu::always_inline]] static inline Both even_and_odd(const Floats& pairs) {
    typename simd::With<V>::Words both;
    std::memcpy(&both, &pairs, sizeof both);
    const auto even = both << 16, odd = both & 0xffff0000u;
    Both floats;
    std::memcpy(&floats.first, &even, sizeof even);
    std::memcpy(&floats.second, &odd, sizeof odd);
    return floats;
  }
  [[gnu::always_inline]] static inline Both even_and_odd(const std::uint16_t* from) {
    Floats pairs;
    std::memcpy(&pairs, from, sizeof pairs);
    return even_and_odd(pairs);
  }

  // How far ahead weights are fetched: so many rows at once are more than the processor follows.
  static constexpr std::int64_t kAheadBytes = 512;

  // kWidth rows of weights from `at` on, transposed: a vector for each depth.
  template <Number type>
  [[gnu::always_inline]] static inline void columns(const void* const* rows, std::int64_t at,
                                                    float* panel) {
    Floats m[kWidth];
#pragma GCC unroll 16
    for (int i = 0; i < kWidth; ++i) {
      const char* from = static_cast<const char*>(rows[i]) + at * bytes_of(type);
      __builtin_prefetch(from + kAheadBytes);
      // Pairs of bfloat16 are transposed as they are, then each half becomes a float.
      if constexpr (type == Number::kBFloat16)
        std::memcpy(&m[i], from, sizeof m[i]);
      else
        m[i] = load(from, type, 0);
    }
    transpose(m);
#pragma GCC unroll 16
    for (int i = 0; i < kWidth; ++i) {
      if constexpr (type == Number::kBFloat16) {
        const Both both = even_and_odd(m[i]);
        store(both.first, panel + 2 * i * kPanel);
        store(both.second, panel + (2 * i + 1) * kPanel);
      } else {
        store(m[i], panel + i * kPanel);
      }
    }
  }

  template <Number type>
  static void lay_out(const void* const (&rows)[kPanel], std::int64_t first, std::int64_t depth,
                      float* panel) {
    constexpr int kTogether = type == Number::kBFloat16 ? 2 * kWidth : kWidth;
    for (int some = 0; some < kPanel; some += kWidth) {
      float* to = panel + some;
      std::int64_t k = 0;
      for (; k + kTogether <= depth; k += kTogether)
        columns<type>(rows + some, first + k, to + k * kPanel);
      for (; k < depth; ++k)
        for (int i = 0; i < kWidth; ++i)
          to[k * kPanel + i] = widened(rows[some + i], type, first + k);
    }
  }
};

}  // namespace
}  // namespace hft
