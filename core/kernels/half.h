// Rounding to halves (float16) in vectors, for processors that may lack them.
#pragma once

#include "core/kernels/simd.h"

namespace hft::simd {

template <class V>
using IntsOf = typename simd::With<V>::Ints;

template <class V>
[[gnu::always_inline]] inline V as_floats(const IntsOf<V>& bits) {
  V x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}
template <class V>
[[gnu::always_inline]] inline IntsOf<V> as_ints(const V& x) {
  IntsOf<V> bits;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
}

// A half keeps 13 bits less of the fraction, and multiples of 2^-24 where it is small.
template <class V>
[[gnu::always_inline]] inline V rounded_to_half(const V& x) {
  const auto bits = as_ints(x);
  const V size = as_floats<V>(bits & 0x7fffffff);
  V normal = as_floats<V>((bits + 0xfff + ((bits >> 13) & 1)) & ~0x1fff);
  const V shift = V{} + 0.75f;  // whose last bit is 2^-24
  const V small = as_floats<V>(as_ints<V>((size + shift) - shift) | (bits & ~0x7fffffff));
  const V infinite = as_floats<V>((IntsOf<V>{} + 0x7f800000) | (bits & ~0x7fffffff));
  normal = size >= V{} + 65520.0f ? infinite : normal;
  const V near = size < V{} + 6.103515625e-05f ? small : normal;
  return x == x ? near : x;
}

}  // namespace hft::simd
