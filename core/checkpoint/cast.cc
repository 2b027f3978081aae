// Source: IEEE 754-2008 binary16, binary32 and binary64, round to nearest even; bfloat16 is the
// upper half of binary32. As in PyTorch, binary64 goes to the short types by way of binary32.
#include "core/checkpoint/cast.h"

#include <bit>
#include <cmath>
#include <cstring>

namespace hft {
namespace {

struct Half {
  std::uint16_t bits;
};
struct BFloat16 {
  std::uint16_t bits;
};

float to_float(double x) { return static_cast<float>(x); }
float to_float(float x) { return x; }
float to_float(BFloat16 x) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(x.bits) << 16);
}
float to_float(Half x) {
  const std::uint32_t sign = (x.bits & 0x8000u) << 16, exponent = x.bits >> 10 & 31,
                      fraction = x.bits & 0x3ffu;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000 | fraction << 13);
  const float size = exponent == 0 ? static_cast<float>(fraction) * 0x1p-24f
                                   : std::bit_cast<float>((exponent + 112) << 23 | fraction << 13);
  return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(size));
}

template <class To>
To rounded(float x);
template <>
float rounded<float>(float x) {
  return x;
}
template <>
BFloat16 rounded<BFloat16>(float x) {
  if (std::isnan(x)) return {0x7fc0};
  const auto bits = std::bit_cast<std::uint32_t>(x);
  return {static_cast<std::uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16)};
}
template <>
Half rounded<Half>(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t sign = bits >> 16 & 0x8000, size = bits & 0x7fffffff;
  if (size > 0x7f800000) return {static_cast<std::uint16_t>(sign | 0x7e00)};
  if (size >= 0x47800000) return {static_cast<std::uint16_t>(sign | 0x7c00)};  // 2^16 and above
  if (size < 0x38800000) {  // below 2^-14: adding 1/2 leaves the last bits of a binary16 subnormal
    const float shifted = std::bit_cast<float>(size) + 0.5f;
    return {
        static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(shifted) - 0x3f000000))};
  }
  return {
      static_cast<std::uint16_t>(sign | (size - (112u << 23) + 0xfff + (size >> 13 & 1)) >> 13)};
}

template <class From, class To>
std::int64_t cast_all(std::span<const std::byte> in, std::byte* out) {
  std::int64_t lost = 0;
  for (std::size_t i = 0; i < in.size() / sizeof(From); ++i) {
    From value;  // the bytes of a file may lie at any address
    std::memcpy(&value, in.data() + i * sizeof value, sizeof value);
    const To result = rounded<To>(to_float(value));
    std::memcpy(out + i * sizeof result, &result, sizeof result);
    if constexpr (std::is_same_v<From, double>)
      lost += std::isfinite(value) && std::isinf(to_float(result));
    else
      lost += std::isinf(to_float(result)) && !std::isinf(to_float(value));
  }
  return lost;
}

template <class From>
std::int64_t cast_from(std::span<const std::byte> in, std::byte* out, Dtype to) {
  switch (to) {
    case Dtype::kF16:
      return cast_all<From, Half>(in, out);
    case Dtype::kBF16:
      return cast_all<From, BFloat16>(in, out);
    default:
      return cast_all<From, float>(in, out);
  }
}

}  // namespace

bool is_float(Dtype dtype) {
  return dtype == Dtype::kF64 || dtype == Dtype::kF32 || dtype == Dtype::kF16 ||
         dtype == Dtype::kBF16;
}

std::int64_t cast(std::span<const std::byte> in, Dtype from, std::byte* out, Dtype to) {
  switch (from) {
    case Dtype::kF64:
      return cast_from<double>(in, out, to);
    case Dtype::kF16:
      return cast_from<Half>(in, out, to);
    case Dtype::kBF16:
      return cast_from<BFloat16>(in, out, to);
    default:
      return cast_from<float>(in, out, to);
  }
}

}  // namespace hft
