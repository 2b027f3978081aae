// Sixteen floats at a time, in GCC's portable vectors. A kernel's body is written once as an
// always-inlined function and compiled for each instruction set by run_on: a row of the table.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <utility>

#include "core/base/processor.h"

// Vectors are passed between inlined functions only, so how a call would pass them does not matter.
#pragma GCC diagnostic ignored "-Wpsabi"

namespace hft::simd {

inline constexpr int kWidth = 16;
typedef float Floats __attribute__((vector_size(64), aligned(4)));
typedef std::int32_t Ints __attribute__((vector_size(64), aligned(4)));

[[gnu::always_inline]] inline Floats splat(float x) { return Floats{} + x; }

typedef std::uint32_t Words __attribute__((vector_size(64), aligned(4)));

// The vectors that go with floats V; bfloat16 is the upper half of a float.
template <class V>
inline constexpr int width = sizeof(V) / sizeof(float);
template <class V>
struct With {
  typedef std::uint16_t Halves __attribute__((vector_size(sizeof(V) / 2)));
  typedef std::uint32_t Words __attribute__((vector_size(sizeof(V))));
  typedef std::int32_t Ints __attribute__((vector_size(sizeof(V))));
  typedef std::int16_t Shorts __attribute__((vector_size(sizeof(V))));  // twice as many
  typedef std::int8_t Bytes __attribute__((vector_size(sizeof(V) / 2)));
};

template <class V>
[[gnu::always_inline]] inline void load(const float* from, V& to) {
  std::memcpy(&to, from, sizeof to);
}
template <class V>
[[gnu::always_inline]] inline void load(const std::uint16_t* from, V& to) {
  typename With<V>::Halves halves;
  std::memcpy(&halves, from, sizeof halves);
  const auto words = __builtin_convertvector(halves, typename With<V>::Words) << 16;
  std::memcpy(&to, &words, sizeof to);
}
template <class V>
[[gnu::always_inline]] inline void store(const V& from, float* to) {
  std::memcpy(to, &from, sizeof from);
}
template <class V>
[[gnu::always_inline]] inline void store(const V& from, std::uint16_t* to) {
  using Words = typename With<V>::Words;
  Words words;
  std::memcpy(&words, &from, sizeof words);
  const Words rounded = words + 0x7fff + ((words >> 16) & 1);  // to the nearest, ties to even
  const Words quiet = words | 0x400000;                        // a NaN must stay one
  const Words nan = (Words)((words & 0x7fffffff) > 0x7f800000);
  const auto halves = __builtin_convertvector(((rounded & ~nan) | (quiet & nan)) >> 16,
                                              typename With<V>::Halves);
  std::memcpy(to, &halves, sizeof halves);
}
inline float widen(float x) { return x; }
inline float widen(std::uint16_t x) {
  const std::uint32_t word = static_cast<std::uint32_t>(x) << 16;
  float value;
  std::memcpy(&value, &word, sizeof value);
  return value;
}
inline void narrow(float x, float* to) { *to = x; }
inline void narrow(float x, std::uint16_t* to) {
  std::uint32_t word;
  std::memcpy(&word, &x, sizeof word);
  *to = std::isnan(x) ? static_cast<std::uint16_t>((word | 0x400000) >> 16)
                      : static_cast<std::uint16_t>((word + 0x7fff + ((word >> 16) & 1)) >> 16);
}

template <class V>
[[gnu::always_inline]] inline V larger(const V& a, const V& b) {
  return a > b ? a : b;
}

// f of all lanes: of the two halves first, then of theirs.
template <class V, class F, int... i>
[[gnu::always_inline]] inline float folded(const V& x, F&& f, std::integer_sequence<int, i...>) {
  constexpr int kHalf = sizeof...(i);
  const auto low = __builtin_shufflevector(x, x, i...);
  const auto high = __builtin_shufflevector(x, x, (i + kHalf)...);
  if constexpr (kHalf == 2)
    return f(f(low[0], high[0]), f(low[1], high[1]));
  else
    return folded(f(low, high), f, std::make_integer_sequence<int, kHalf / 2>());
}
template <class V>
[[gnu::always_inline]] inline float sum(const V& x) {
  return folded(
      x, [](auto a, auto b) __attribute__((always_inline)) { return a + b; },
      std::make_integer_sequence<int, width<V> / 2>());
}
template <class V>
[[gnu::always_inline]] inline float largest(const V& x) {
  return folded(
      x, [](auto a, auto b) __attribute__((always_inline)) { return larger(a, b); },
      std::make_integer_sequence<int, width<V> / 2>());
}

// e^x for x <= 0, within 2 units in the last place; 0 below -87. Cephes' expf: x = n ln 2 + r,
// then a polynomial of degree 6 in r. NaN stays NaN.
template <class V>
[[gnu::always_inline]] inline V exp_of_negative(const V& x) {
  using Ints = typename With<V>::Ints;
  constexpr float kWhole = 12582912.0f;  // 1.5 * 2^23: a float this large keeps whole numbers only
  const V shifted = x * 1.44269504f + kWhole;
  const V whole = shifted - kWhole;
  const V r = x - whole * 0.693359375f + whole * 2.12194440e-4f;
  V p = r * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  Ints power;
  std::memcpy(&power, &shifted, sizeof power);
  power = (power << 23) + (127 << 23);
  V scale;
  std::memcpy(&scale, &power, sizeof scale);
  return x < -87.3f ? V{} : p * scale;
}

// F::run(a…) compiled for one row of the table of kernels. It must be always inlined.
#if defined(__x86_64__)
template <class F, class... A>
[[gnu::target("avx512f,avx512bw,avx512vl,avx512dq,fma,bmi2,f16c")]] void run_avx512(A... a) {
  F::run(a...);
}
template <class F, class... A>
[[gnu::target("avx2,fma,bmi2,f16c")]] void run_avx2(A... a) {
  F::run(a...);
}
#endif
template <class F, class... A>
void run_plain(A... a) {
  F::run(a...);
}

template <class F, class... A>
void run_on([[maybe_unused]] Processor row, A... a) {
#if defined(__x86_64__)
  if (row >= Processor::kAvx512) return run_avx512<F>(a...);
  if (row >= Processor::kAvx2) return run_avx2<F>(a...);
#endif
  run_plain<F>(a...);
}
template <class F, class... A>
void run_best(A... a) {
  run_on<F>(processor(), a...);
}

// Vectors as wide as the registers of each.
typedef float Wide __attribute__((vector_size(64)));
typedef float Medium __attribute__((vector_size(32)));
typedef float Narrow __attribute__((vector_size(16)));

// F, whose run is a template of its vectors, as a kernel of run_on.
template <class F, class V>
struct Of {
  template <class... A>
  [[gnu::always_inline]] static inline void run(A... a) {
    F::template run<V>(a...);
  }
};

// As run_on for such a kernel, with vectors as wide as the registers: more would be kept in memory.
template <class F, class... A>
void run_fitting([[maybe_unused]] Processor row, A... a) {
#if defined(__x86_64__)
  if (row >= Processor::kAvx512) return run_avx512<Of<F, Wide>>(a...);
  if (row >= Processor::kAvx2) return run_avx2<Of<F, Medium>>(a...);
#endif
  run_plain<Of<F, Narrow>>(a...);
}

// From within such a kernel: F for the same vectors as a function of its own, which is compiled once however
// often it is called.
template <class F, class V, class... A>
[[gnu::always_inline]] inline void call(A... a) {
#if defined(__x86_64__)
  if constexpr (sizeof(V) == sizeof(Wide)) return run_avx512<Of<F, V>>(a...);
  if constexpr (sizeof(V) == sizeof(Medium)) return run_avx2<Of<F, V>>(a...);
#endif
  if constexpr (sizeof(V) == sizeof(Narrow)) return run_plain<Of<F, V>>(a...);
}

}  // namespace hft::simd
