// The vectors of product_tiles.h, of any width from 8 floats on, in GCC's portable ones but for the
// conversions of float16 (F16C). To be included after a file has said which instructions it may use.
#pragma once

#include <immintrin.h>

#include "core/kernels/product_tiles.h"

namespace hft {
namespace {

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
  static constexpr int kRows = 6, kSums = kWidth == 16 ? 24 : 12, kFewRows = 16;

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
    for (int i = 0; i < kWidth; i += 8) {
      const __m256 part =
          _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(halves + i)));
      std::memcpy(reinterpret_cast<float*>(&x) + i, &part, sizeof part);
    }
    return x;
  }
  [[gnu::always_inline]] static inline void store(Floats x, void* to, Number type,
                                                  std::int64_t at) {
    if (type == Number::kFloat) return store(x, static_cast<float*>(to) + at);
    auto* halves = static_cast<std::uint16_t*>(to) + at;
    if (type == Number::kBFloat16) return simd::store(x, halves);
    for (int i = 0; i < kWidth; i += 8) {
      __m256 part;
      std::memcpy(&part, reinterpret_cast<const float*>(&x) + i, sizeof part);
      _mm_storeu_si128(reinterpret_cast<__m128i*>(halves + i),
                       _mm256_cvtps_ph(part, _MM_FROUND_TO_NEAREST_INT));
    }
  }
  static float widened(const void* from, Number type, std::int64_t at) {
    if (type == Number::kFloat) return static_cast<const float*>(from)[at];
    const std::uint16_t half = static_cast<const std::uint16_t*>(from)[at];
    return type == Number::kHalf ? _cvtsh_ss(half) : simd::widen(half);
  }
  static void narrowed(float x, void* to, Number type, std::int64_t at) {
    if (type == Number::kFloat)
      static_cast<float*>(to)[at] = x;
    else if (type == Number::kHalf)
      static_cast<std::uint16_t*>(to)[at] = _cvtss_sh(x, _MM_FROUND_TO_NEAREST_INT);
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
