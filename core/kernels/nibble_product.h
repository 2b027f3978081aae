// y = act(x W^T + b) of a few rows, W in codes of 4 bits that are looked up in a table (NF4, FP4): the codes
// are read once, in the order of memory, and the memory is the limit. The table and x have 16 bits, so that
// a sum of 16 codes is exact; what is lost is the rounding of both, 3e-5 of the largest.
#pragma once

#include <memory>
#include <vector>

#include "core/kernels/product.h"

namespace hft {

inline constexpr std::int64_t kNibbleBlock = 64;  // codes of one size, the first of two in the high bits

struct NibbleRows {
  const std::uint8_t* codes;  // [O, K / 2]
  const float* sizes;         // [O, K / kNibbleBlock]
};
// Rows of x as the kernel reads them, and the table.
struct NibbleInput {
  std::unique_ptr<std::int16_t[]> x;  // [M, K]
  std::vector<float> scales;          // [M], of x and of the table
  alignas(16) std::int8_t low[16], high[16];  // the bytes of the table's numbers
};

// Whether a kernel serves so many rows of this depth here; the others widen the codes.
bool serves_nibbles(std::int64_t rows, std::int64_t depth, Processor best = processor());
NibbleInput nibble_input(const Product& p, const float* table);
// Outputs [begin, end) of p; `gated` where p.gated is not null.
void compute_nibbles(const Product& p, const NibbleInput& input, const NibbleRows& weights,
                     const NibbleRows& gated, std::int64_t begin, std::int64_t end);

}  // namespace hft
