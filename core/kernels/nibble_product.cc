#include "core/kernels/nibble_product.h"

#include <cmath>

#include "core/kernels/int8_product.h"

namespace hft {
namespace {

constexpr float kTableStep = 1.0f / (1 << 14);

// The place of the i-th number of a block in x: as the bytes of a block's codes are taken apart, the
// even ones of each half of a register first.
constexpr std::int64_t place_of(std::int64_t i) {
  const std::int64_t odd = i % 2, byte = i / 2;          // of 32
  const std::int64_t lane = byte / 16, upper = byte % 16 / 8;  // of two each
  return odd * 32 + upper * 16 + lane * 8 + byte % 8;
}

}  // namespace

bool serves_nibbles(std::int64_t rows, std::int64_t depth, Processor best) {
#if defined(__x86_64__)
  return rows <= 4 && depth % kNibbleBlock == 0 && best >= Processor::kAvx2;
#else
  return false;
#endif
}

NibbleInput nibble_input(const Product& p, const float* table) {
  const Int16Rows rows = quantise_rows(p);
  NibbleInput to{std::make_unique_for_overwrite<std::int16_t[]>(p.rows * p.depth), rows.scales, {}, {}};
  for (std::int64_t m = 0; m < p.rows; ++m)
    for (std::int64_t k = 0; k < p.depth; k += kNibbleBlock)
      for (std::int64_t i = 0; i < kNibbleBlock; ++i)
        to.x[m * p.depth + k + place_of(i)] = rows.values[m * rows.stride + k + i];
  for (float& scale : to.scales) scale *= kTableStep;
  for (int i = 0; i < 16; ++i) {
    const auto number = static_cast<std::int16_t>(std::lround(table[i] / kTableStep));
    to.low[i] = static_cast<std::int8_t>(number & 0xff);
    to.high[i] = static_cast<std::int8_t>(number >> 8);
  }
  return to;
}

}  // namespace hft
