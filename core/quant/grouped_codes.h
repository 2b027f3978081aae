// Weights in codes of which a group of a row's inputs share a scale: what GPTQ, AWQ, compressed-tensors,
// FP8 and MXFP4 have in common once their codes lie row by row.
#pragma once

#include <span>
#include <vector>

#include "core/checkpoint/dtypes.h"
#include "core/quant/codes.h"

namespace hft {

// Scales by row and group, of the type that a checkpoint has them in.
struct GroupScales {
  enum class Type { kFloat, kHalf, kBFloat16, kExponent };  // kExponent: a byte e is 2^(e - 127)
  Type type = Type::kFloat;
  const void* data = nullptr;  // [ceil(outputs / rows), groups]
  std::int64_t groups = 1, rows = 1;
  // Those of output o, [groups].
  void read(std::int64_t o, float* to) const;
};
// Of floats; what is computed in such a type, as the reference does, is rounded so.
GroupScales::Type scale_type(Dtype dtype);
Number rounding_of(Dtype dtype);

struct GroupedWeight {
  Code code = Code::kNibble;
  const std::uint8_t* codes = nullptr;  // a row after the other, `row_bytes` apart
  std::int64_t row_bytes = 0;
  std::int64_t group = 0;  // inputs of one scale
  GroupScales scales;
  float zero = 0;                        // what is taken from every code before it is scaled
  const std::uint8_t* zeros = nullptr;   // [outputs, groups] in its place, or null
  std::span<const float> table{};        // [16] for nibbles
  std::vector<std::int32_t> order{};     // where a row's codes belong, or empty: in order
  Number rounding = Number::kFloat;
  std::shared_ptr<const void> owner;     // of all memory
};
std::shared_ptr<const Codes> grouped_codes(GroupedWeight weight, std::int64_t outputs,
                                           std::int64_t depth);

// The nibbles 0 to 15 as numbers, and those of FP4 with two bits of exponent (OCP MX 1.0).
std::span<const float> plain_nibbles();
std::span<const float> e2m1_nibbles();

}  // namespace hft
