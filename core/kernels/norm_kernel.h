// Residual sum and layer normalisation of rows in one pass.
#pragma once

#include <cstdint>

namespace hft {

struct NormRows {
  void* x;               // [N, D] contiguous, overwritten with the result
  const void* residual;  // [N, D] contiguous, added to x first
  const void* weight;    // [D]
  const void* bias;      // [D]
  std::int64_t rows, size;
  double eps;
  bool bfloat16;  // all of them, else float32
};

// x = (s - mean(s)) / sqrt(var(s) + eps) * weight + bias with s = x + residual, in float32 inside.
void add_and_normalise(const NormRows& in);

// The same without vector instructions beyond the processor's baseline, for tests.
void add_and_normalise_plain(const NormRows& in);

}  // namespace hft
