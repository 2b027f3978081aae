#include "core/kernels/widen_codes.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "core/kernels/half.h"

namespace hft {
namespace {

using simd::as_floats;
using simd::as_ints;
using simd::IntsOf;
using simd::rounded_to_half;

template <class V>
[[gnu::always_inline]] inline V rounded_to_bfloat16(const V& x) {
  std::uint16_t halves[simd::width<V>];
  V back;
  simd::store(x, halves);
  simd::load(halves, back);
  return back;
}

// Values of width<V> codes from the i-th on.
template <class V>
struct Values {
  static constexpr int kWidth = simd::width<V>;
  using Ints = IntsOf<V>;

  template <bool high_first>
  [[gnu::always_inline]] static inline V nibbles(const CodeRow& row, std::int64_t i) {
    const auto* bytes = static_cast<const std::uint8_t*>(row.codes) + i / 2;
    if constexpr (kWidth >= 8) {
      const auto eight = [&](int part) __attribute__((always_inline)) {
        std::int32_t word;
        std::memcpy(&word, bytes + part * 4, sizeof word);
        return Ints{} + word;
      };
      Ints words, shifts;
      if constexpr (kWidth == 16) {
        constexpr Ints kFirst{-1, -1, -1, -1, -1, -1, -1, -1};
        words = kFirst ? eight(0) : eight(1);
        shifts = Ints{4, 0, 12, 8, 20, 16, 28, 24, 4, 0, 12, 8, 20, 16, 28, 24};
      } else {
        words = eight(0);
        shifts = Ints{4, 0, 12, 8, 20, 16, 28, 24};
      }
      if constexpr (!high_first) shifts ^= 4;
      const Ints codes = (words >> shifts) & 15;
      return looked_up(row.table, codes);
    } else {
      V values;
      for (int j = 0; j < kWidth; ++j) {
        const int byte = bytes[j / 2];
        values[j] = row.table[j % 2 == high_first ? byte & 15 : byte >> 4];
      }
      return values;
    }
  }
  [[gnu::always_inline]] static inline V looked_up(const float* table, const Ints& codes) {
    V low;
    simd::load(table, low);
    if constexpr (kWidth == 16) return __builtin_shuffle(low, codes);
    V high;
    simd::load(table + 8, high);
    const V first = __builtin_shuffle(low, codes & 7), second = __builtin_shuffle(high, codes & 7);
    return codes > 7 ? second : first;
  }

  template <class Byte>
  [[gnu::always_inline]] static inline Ints bytes(const CodeRow& row, std::int64_t i) {
    typedef Byte Bytes __attribute__((vector_size(sizeof(V) / 4)));
    Bytes bytes;
    std::memcpy(&bytes, static_cast<const Byte*>(row.codes) + i, sizeof bytes);
    return __builtin_convertvector(bytes, Ints);
  }
  // Exponent and fraction where a float has its own, and what the exponents differ by.
  template <int fraction, int bias>
  [[gnu::always_inline]] static inline V float8(const CodeRow& row, std::int64_t i) {
    const Ints codes = bytes<std::uint8_t>(row, i);
    const Ints size = codes & 0x7f;
    const V value = as_floats<V>(size << (23 - fraction)) * std::bit_cast<float>((254 - bias) << 23);
    const V special = fraction == 3 ? V{} + NAN : size == 0x7c ? V{} + INFINITY : V{} + NAN;
    const V known = size >= (fraction == 3 ? 0x7f : 0x7c) ? special : value;
    return as_floats<V>(as_ints<V>(known) | ((codes >> 7) << 31));
  }

  template <Code code>
  [[gnu::always_inline]] static inline V from(const CodeRow& row, std::int64_t i) {
    if constexpr (code == Code::kNibble) return nibbles<false>(row, i);
    if constexpr (code == Code::kHighNibble) return nibbles<true>(row, i);
    if constexpr (code == Code::kByte)
      return __builtin_convertvector(bytes<std::uint8_t>(row, i), V);
    if constexpr (code == Code::kSignedByte)
      return __builtin_convertvector(bytes<std::int8_t>(row, i), V);
    if constexpr (code == Code::kE4M3) return float8<3, 7>(row, i);
    if constexpr (code == Code::kE5M2) return float8<2, 15>(row, i);
  }
};

template <Code code>
constexpr std::int64_t kInByte = code == Code::kNibble || code == Code::kHighNibble ? 2 : 1;

template <Code code>
struct WidenRow {
  template <class V, Number rounding>
  [[gnu::always_inline]] static inline void block(const CodeRow& row, std::int64_t begin,
                                                  std::int64_t end, float* to) {
    constexpr int kWidth = simd::width<V>;
    const auto index = begin / row.block;
    const V scale = V{} + row.scales[index];
    const V zero = V{} + (row.zeros ? row.zeros[index] : 0.0f);
    const auto at = [&](const CodeRow& from, std::int64_t i) __attribute__((always_inline)) {
      const V value = (Values<V>::template from<code>(from, i) - zero) * scale;
      return rounding == Number::kHalf       ? rounded_to_half(value)
             : rounding == Number::kBFloat16 ? rounded_to_bfloat16(value)
                                             : value;
    };
    std::int64_t i = begin;
    for (; i + kWidth <= end; i += kWidth) simd::store(at(row, i), to + i);
    if (i == end) return;
    // What is left of the row, from a copy of it that a whole vector may be read of.
    std::uint8_t bytes[kWidth] = {};
    CodeRow rest = row;
    std::memcpy(bytes, static_cast<const std::uint8_t*>(row.codes) + i / kInByte<code>,
                (end - i + kInByte<code> - 1) / kInByte<code>);
    rest.codes = bytes;
    float numbers[kWidth];
    simd::store(at(rest, 0), numbers);
    std::copy(numbers, numbers + (end - i), to + i);
  }
  template <class V, Number rounding>
  [[gnu::always_inline]] static inline void all(const CodeRow& row, float* to) {
    for (std::int64_t i = 0; i < row.count; i += row.block)
      block<V, rounding>(row, i, std::min(i + row.block, row.count), to);
  }
  template <class V>
  [[gnu::always_inline]] static inline void run(const CodeRow* row, float* to) {
    switch (row->rounding) {
      case Number::kHalf:
        return all<V, Number::kHalf>(*row, to);
      case Number::kBFloat16:
        return all<V, Number::kBFloat16>(*row, to);
      case Number::kFloat:
        return all<V, Number::kFloat>(*row, to);
    }
  }
};

struct Narrow {
  template <class V>
  [[gnu::always_inline]] static inline void run(const float* x, std::int64_t n, std::uint16_t* to) {
    std::int64_t i = 0;
    for (; i + simd::width<V> <= n; i += simd::width<V>) {
      V part;
      simd::load(x + i, part);
      simd::store(part, to + i);
    }
    for (; i < n; ++i) simd::narrow(x[i], to + i);
  }
};

}  // namespace

void widen_codes(const CodeRow& row, float* to, Processor best) {
  switch (row.code) {
    case Code::kNibble:
      return simd::run_fitting<WidenRow<Code::kNibble>>(best, &row, to);
    case Code::kHighNibble:
      return simd::run_fitting<WidenRow<Code::kHighNibble>>(best, &row, to);
    case Code::kByte:
      return simd::run_fitting<WidenRow<Code::kByte>>(best, &row, to);
    case Code::kSignedByte:
      return simd::run_fitting<WidenRow<Code::kSignedByte>>(best, &row, to);
    case Code::kE4M3:
      return simd::run_fitting<WidenRow<Code::kE4M3>>(best, &row, to);
    case Code::kE5M2:
      return simd::run_fitting<WidenRow<Code::kE5M2>>(best, &row, to);
  }
}

void narrow_to_bfloat16(const float* x, std::int64_t n, std::uint16_t* to, Processor best) {
  simd::run_fitting<Narrow>(best, x, n, to);
}

float float8_value(Code code, std::uint8_t byte) {
  const float one = 1;
  float value;
  widen_codes({code, &byte, 1, 1, &one, nullptr, nullptr, Number::kFloat}, &value, Processor::kPlain);
  return value;
}

float nearest_half(float x) { return rounded_to_half(simd::Narrow{} + x)[0]; }

}  // namespace hft
