// Numbers of one type written as another, rounded as PyTorch rounds.
#pragma once

#include <cstdint>
#include <span>

#include "core/checkpoint/safetensors.h"

namespace hft {

// F64, F32, F16 and BF16: the types that cast() takes.
bool is_float(Dtype dtype);

// Writes the numbers of `in` to `out`, which has room for as many of type `to`. Returns how many
// finite numbers became infinite, because `to` has none so large.
std::int64_t cast(std::span<const std::byte> in, Dtype from, std::byte* out, Dtype to);

}  // namespace hft
