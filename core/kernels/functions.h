// Activation functions on GCC's vectors of any width: every lane is computed alike, so that a value
// does not depend on where it stands.
#pragma once

#include <cstdint>
#include <cstring>

#include "core/kernels/activation_kernel.h"

#pragma GCC diagnostic ignored "-Wpsabi"

namespace hft {
namespace {

template <class V>
using IntsOf = decltype(V{} < V{});

// c[0] + c[1] t + … + c[n - 1] t^(n - 1)
template <class V, int n>
[[gnu::always_inline]] inline V polynomial(V t, const float (&c)[n]) {
  V p = V{} + c[n - 1];
#pragma GCC unroll 8
  for (int i = n - 2; i >= 0; --i) p = p * t + c[i];
  return p;
}

// NaN stays NaN.
template <class V>
[[gnu::always_inline]] inline V clamped(V x, float low, float high) {
  x = x < V{} + low ? V{} + low : x;
  return x > V{} + high ? V{} + high : x;
}

// e^x within 2 units in the last place for |x| < 87, saturating outside: x = n ln 2 + r, then the
// polynomial of Cephes' expf in r.
template <class V>
[[gnu::always_inline]] inline V exponential(V x) {
  static constexpr float kP[8] = {1.0f,
                                  1.0f,
                                  5.0000001201e-1f,
                                  1.6666665459e-1f,
                                  4.1665795894e-2f,
                                  8.3334519073e-3f,
                                  1.3981999507e-3f,
                                  1.9875691500e-4f};
  x = clamped(x, -87.3f, 88.0f);
  constexpr float kWhole = 12582912.0f;  // 1.5 * 2^23: adding it rounds to a whole number
  const V shifted = (x == x ? x : V{}) * 1.44269504f + kWhole;
  const V n = shifted - kWhole;
  const V r = x - n * 0.693359375f + n * 2.12194440e-4f;
  IntsOf<V> bits;
  std::memcpy(&bits, &shifted, sizeof bits);
  bits = (bits + 127) << 23;  // kWhole's own bits leave at the top
  V scale;
  std::memcpy(&scale, &bits, sizeof scale);
  return polynomial(r, kP) * scale;
}

// z P(z^2) / Q(z^2), fitted to the error function on [-4, 4], beyond which it is 1 in float32;
// relative error 2.5e-8 before rounding.
template <class V>
[[gnu::always_inline]] inline V error_function(V z) {
  static constexpr float kP[6] = {1.12837911f,    0.19354485f,     0.0531017184f,
                                  0.00388333481f, 0.000284565613f, 1.98678322e-06f};
  static constexpr float kQ[6] = {1.0f,          0.504857242f,   0.115349911f,
                                  0.0152072329f, 0.00118556875f, 3.742017e-05f};
  z = clamped(z, -4.0f, 4.0f);
  const V t = z * z;
  return z * polynomial(t, kP) / polynomial(t, kQ);
}

// An odd polynomial over an even one, for |x| < 7.9, beyond which it is 1 in float32.
template <class V>
[[gnu::always_inline]] inline V hyperbolic_tangent(V x) {
  static constexpr float kP[7] = {4.89352455891786e-03f,  6.37261928875436e-04f,
                                  1.48572235717979e-05f,  5.12229709037114e-08f,
                                  -8.60467152213735e-11f, 2.00018790482477e-13f,
                                  -2.76076847742355e-16f};
  static constexpr float kQ[4] = {4.89352518554385e-03f, 2.26843463243900e-03f,
                                  1.18534705686654e-04f, 1.19825839466702e-06f};
  x = clamped(x, -7.90531110763549805f, 7.90531110763549805f);
  const V t = x * x;
  return x * polynomial(t, kP) / polynomial(t, kQ);
}

template <class V>
[[gnu::always_inline]] inline V sigmoid(V x) {
  return 1.0f / (1.0f + exponential(-x));
}

template <class V>
[[gnu::always_inline]] inline V gelu(V x) {
  return x * 0.5f * (1.0f + error_function(x * 0.70710678f));
}

template <class V>
[[gnu::always_inline]] inline V apply(Activation activation, V x) {
  switch (activation) {
    case Activation::kNone:
      return x;
    case Activation::kGelu:
      return gelu(x);
    case Activation::kGeluTanh:  // tanh(u) = 2 sigmoid(2 u) - 1
      return x * sigmoid(2 * 0.79788456f * (x + 0.044715f * x * x * x));
    case Activation::kGeluQuick:
      return x * sigmoid(1.702f * x);
    case Activation::kGelu10:
      return clamped(gelu(x), -10.0f, 10.0f);
    case Activation::kRelu:
      return x < V{} ? V{} : x;
    case Activation::kRelu2:
      return x < V{} ? V{} : x * x;
    case Activation::kRelu6:
      return clamped(x, 0.0f, 6.0f);
    case Activation::kLeakyRelu:
      return x < V{} ? x * 0.01f : x;
    case Activation::kSilu:
      return x * sigmoid(x);
    case Activation::kMish: {  // tanh(log(1 + e)) = (e^2 + 2 e) / (e^2 + 2 e + 2)
      const V e = exponential(clamped(x, -87.0f, 20.0f)), n = e * (e + 2.0f);
      return x * (n / (n + 2.0f));
    }
    case Activation::kTanh:
      return hyperbolic_tangent(x);
    case Activation::kSigmoid:
      return sigmoid(x);
    case Activation::kLaplace:
      return 0.5f * (1.0f + error_function((x - 0.707107f) * (1 / (0.282095f * 1.41421356f))));
  }
  return x;
}

}  // namespace
}  // namespace hft
