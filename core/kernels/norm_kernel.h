// Layer normalisation of rows, of a residual sum too, in one pass.
#pragma once

#include <cstdint>

#include "core/base/processor.h"

namespace hft {

struct NormRows {
  const void* x;  // [N, D], rows x_stride elements apart
  std::int64_t x_stride;
  void* y;  // [N, D], rows y_stride elements apart; may be x
  std::int64_t y_stride;
  const void* residual;  // [N, D], rows residual_stride elements apart, added to x first; or null
  std::int64_t residual_stride;
  const void* weight;    // [D]
  const void* bias;      // [D]
  std::int64_t rows, size;
  double eps;
  bool bfloat16;  // all of them, else float32
};

// y = (s - mean(s)) / sqrt(var(s) + eps) * weight + bias with s = x + residual, in float32 inside.
void normalise(const NormRows& in, Processor row = processor());

}  // namespace hft
