// Convolutions of each channel by itself, float32 sums whatever the types.
#pragma once

#include <cstdint>

#include "core/base/processor.h"

namespace hft {

struct Depthwise {
  const void* x;               // [·, C]
  const float* weight;         // [taps, C]
  const float* bias;           // [C], or null
  const std::int32_t* places;  // [M, taps] rows of x; -1: zeros
  void* y;                     // [M, C]
  std::int64_t rows, channels, taps;
  bool x_bfloat16, y_bfloat16;  // else float32
};

void compute_depthwise(const Depthwise& d, Processor row = processor());

}  // namespace hft
