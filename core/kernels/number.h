// The types of the numbers that kernels read and write.
#pragma once

#include <cstdint>

namespace hft {

enum class Number : std::uint8_t { kFloat, kBFloat16, kHalf };
constexpr std::int64_t bytes_of(Number type) { return type == Number::kFloat ? 4 : 2; }

}  // namespace hft
