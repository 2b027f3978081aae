// Weights that a checkpoint stores as codes of 4 or 8 bits beside scales, widened to floats.
#pragma once

#include <cstdint>

#include "core/base/processor.h"
#include "core/kernels/number.h"

namespace hft {

enum class Code : std::uint8_t {
  kNibble,      // table[code], two in a byte, the low one first
  kHighNibble,  // the same, the high one first
  kByte,        // 0 … 255
  kSignedByte,  // -128 … 127
  kE4M3,        // FP8 with 4 bits of exponent and no infinities (arXiv:2209.05433)
  kE5M2,
};

// Codes of one row of a weight, an even number of them where two are in a byte. Each becomes
// (value - zero) * scale, in float and then rounded.
struct CodeRow {
  Code code;
  const void* codes;
  std::int64_t count;
  std::int64_t block;       // so many share a scale and a zero; the last may be fewer
  const float* scales;      // [ceil(count / block)]
  const float* zeros;       // likewise, or null: 0
  const float* table;       // [16] for nibbles
  Number rounding;          // kHalf, kBFloat16: to the nearest of that type
};
void widen_codes(const CodeRow& row, float* to, Processor best = processor());

// x as bfloat16, for a product of that type.
void narrow_to_bfloat16(const float* x, std::int64_t n, std::uint16_t* to, Processor best = processor());

// A byte of FP8 as a number, for tests and tables.
float float8_value(Code code, std::uint8_t byte);
// The half nearest to x, as a float; ties to even, an infinity beyond 65504.
float nearest_half(float x);

}  // namespace hft
