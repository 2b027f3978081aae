// Root-mean-square normalisation of rows (arXiv:1910.07467).
#pragma once

#include <cstdint>

#include "core/base/processor.h"

namespace hft {

struct RmsRows {
  const void* x;  // N rows of `size` numbers, x_stride elements apart
  std::int64_t x_stride;
  void* y;  // likewise; may be x
  std::int64_t y_stride;
  const float* weight;  // [size]
  std::int64_t rows, size;
  double eps;
  bool bfloat16;  // x and y, else float32
};

// y = x / sqrt(mean(x^2) + eps) * weight, in float32 inside.
void rms_normalise(const RmsRows& in, Processor row = processor());

}  // namespace hft
