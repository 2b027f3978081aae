#include "core/kernels/cached_codes.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace hft {
namespace {

// bfloat16 numbers not below and not above x.
std::uint16_t rounded_up(float x) {
  std::uint16_t half;
  simd::narrow(x, &half);
  return simd::widen(half) < x ? static_cast<std::uint16_t>(half + (x > 0 ? 1 : -1)) : half;
}
std::uint16_t rounded_down(float x) {
  return static_cast<std::uint16_t>(rounded_up(-x) ^ 0x8000);
}

// How the numbers of one token, head and group become codes.
struct CodeScale {
  std::uint16_t scale = 0, least = 0;
  float inverse = 0, from = 0;

  void fit(float low, float high, int bits) {
    if (bits == 4) {
      least = rounded_down(low);
      from = simd::widen(least);
      scale = rounded_up((high - from) / 15);
    } else {
      scale = rounded_up(std::max(-low, high) / 127);
    }
    const float step = simd::widen(scale);
    inverse = step > 0 ? 1 / step : 0;
  }
  int code(float x, int bits) const {
    const float steps = std::nearbyint((x - from) * inverse);
    return bits == 4 ? static_cast<int>(std::clamp(steps, 0.0f, 15.0f))
                     : static_cast<int>(std::clamp(steps, -127.0f, 127.0f));
  }
};

// Numbers of a group: low and high, NaN where one is no number.
struct CodeRange {
  float low = INFINITY, high = -INFINITY;
  void take(float x) {
    low = x < low || std::isnan(x) ? x : low;
    high = x > high || std::isnan(x) ? x : high;
  }
};

// Codes of one side of a head: rows of keys, one for each number, or of values, one for each position.
struct CodeWriter {
  std::byte* codes;
  bool keys;
  std::int64_t width;  // of values
  int bits;

  void put(std::int64_t e, std::int64_t p, int code) const {
    constexpr std::int64_t kHalf = kCacheBlock / 2;
    const auto position = bits == 8 ? p : p % kHalf;
    std::byte& at = keys ? codes[e * kCacheBlock * bits / 8 + code_place(position)]
                         : codes[position * width + code_place(e)];
    at = bits == 8 || p < kHalf ? static_cast<std::byte>(code)
                                : at | static_cast<std::byte>(code << 4);
  }
};

// x(e, p) of the numbers e of one side, for every position p; `keys`: positions lie side by side.
template <class X>
void encode_side(const CodedHead<std::byte>& to, bool keys, X&& x) {
  const auto groups = code_groups(to.size), width = cached_width(to.size);
  const CodeWriter writer{keys ? to.keys() : to.values(), keys, width, to.bits};
  for (std::int64_t p = 0; p < kCacheBlock; ++p)
    for (std::int64_t g = 0; g < groups; ++g) {
      const auto end = std::min((g + 1) * kCodeGroup, to.size);
      CodeRange range;
      for (auto e = g * kCodeGroup; e < end; ++e) range.take(x(e, p));
      CodeScale scale;
      scale.fit(range.low, range.high, to.bits);
      const auto at = keys ? g * kCacheBlock + p : p * groups + g;
      (keys ? to.key_scales() : to.value_scales())[at] = scale.scale;
      if (to.bits == 4) (keys ? to.key_least() : to.value_least())[at] = scale.least;
      const auto last = keys || g + 1 < groups ? end : width;  // of values the padding too
      for (auto e = g * kCodeGroup; e < last; ++e)
        writer.put(e, p, e < end ? scale.code(x(e, p), to.bits) : 0);
    }
}

template <class T>
void encode(const T* numbers, const CodedHead<std::byte>& to) {
  const auto width = cached_width(to.size);
  encode_side(to, true, [&](std::int64_t e, std::int64_t p) {
    return simd::widen(numbers[e * kCacheBlock + p]);
  });
  const T* values = numbers + to.size * kCacheBlock;
  encode_side(to, false, [&](std::int64_t e, std::int64_t p) {
    return simd::widen(values[p * width + e]);
  });
}

struct WidenHead {
  template <class V>
  [[gnu::always_inline]] static inline void run(const CodedHead<const std::byte>* from, float* to) {
    codes::widen<V>(*from, to);
  }
};

}  // namespace

void encode_head(const float* numbers, const CodedHead<std::byte>& to) { encode(numbers, to); }
void encode_head(const std::uint16_t* numbers, const CodedHead<std::byte>& to) {
  encode(numbers, to);
}
void widen_head(const CodedHead<const std::byte>& from, float* numbers) {
  simd::run_fitting<WidenHead>(processor(), &from, numbers);
}

}  // namespace hft
