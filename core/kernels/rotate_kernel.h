// Rotary positions: pairs (i, i + turning / 2) of each head's first numbers turn by an angle.
#pragma once

#include <cstdint>

#include "core/base/processor.h"

namespace hft {

struct RotateRows {
  void* rows;  // [N, heads * size + …], `stride` elements apart, overwritten
  std::int64_t stride;
  const float* angles;  // [N, turning]: turning / 2 cosines, then as many sines
  std::int64_t heads, size, turning;
  bool bfloat16;  // else float32
};

// Rows [first, last).
void rotate_rows(const RotateRows& in, std::int64_t first, std::int64_t last,
                 Processor row = processor());

}  // namespace hft
