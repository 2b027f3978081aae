// NF4 and FP4, the 4 bits of bitsandbytes: runs of numbers of the flat weight share the largest size
// among them, and each is a code of a table of 16 (QLoRA, arXiv:2305.14314). Values as bitsandbytes 0.50
// gives them.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "core/quant/codes.h"

namespace hft {

enum class FourBit { kNf4, kFp4 };
// [16], by code.
std::span<const float> table_of(FourBit type);

// What a flat weight of n numbers is stored as; spans live as long as `owner`.
struct FourBitWeight {
  FourBit type = FourBit::kNf4;
  std::int64_t block = 64;
  std::span<const std::uint8_t> codes;  // [ceil(n / 2)], the first of two in the high bits
  std::span<const float> sizes;         // [ceil(n / block)], the largest of each run
  Number rounding = Number::kFloat;     // the type that the numbers had
  std::shared_ptr<const void> owner;
};
// n numbers [blocks of them]; at most n of `to_codes` are written, two in a byte. False: a run holds an
// infinity or a NaN.
bool quantise_four_bit(const float* numbers, std::int64_t n, std::int64_t block, FourBit type,
                       std::uint8_t* to_codes, float* to_sizes);
std::shared_ptr<const Codes> four_bit_codes(const FourBitWeight& weight, std::int64_t outputs,
                                            std::int64_t depth);

// The sizes in 8 bits (double quantisation): a code of 256 values in runs of 256, about `offset`.
struct NestedSizes {
  std::vector<std::uint8_t> codes;  // [n]
  std::vector<float> sizes;         // [ceil(n / 256)]
  float offset = 0;                 // the mean of the sizes
};
inline constexpr std::int64_t kNestedBlock = 256;
// The dynamic map of 8 bits, ascending (arXiv:1511.04561).
const std::vector<float>& dynamic_map();
NestedSizes nested(std::span<const float> sizes);
std::vector<float> unnested(std::span<const std::uint8_t> codes, std::span<const float> sizes,
                            std::span<const float> map, std::int64_t block, float offset);

// A weight {outputs, depth} in 4 bits, of the numbers' type. With `nest`, the sizes lose what double
// quantisation loses. Throws kBadData "what: …" for an infinity or a NaN.
struct MadeFourBit {
  FourBitWeight weight;
  std::optional<NestedSizes> nested;
};
MadeFourBit four_bit(const Tensor& weight, FourBit type, bool nest, const std::string& what);

}  // namespace hft
