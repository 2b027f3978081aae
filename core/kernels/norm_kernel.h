// Layer normalisation of rows, of a residual sum too, in one pass.
#pragma once

#include <cstdint>

namespace hft {

struct NormRows {
  const void* x;         // [N, D] contiguous
  void* y;               // [N, D] contiguous; may be x
  const void* residual;  // [N, D] contiguous, added to x first; or null
  const void* weight;    // [D]
  const void* bias;      // [D]
  std::int64_t rows, size;
  double eps;
  bool bfloat16;  // all of them, else float32
};

// y = (s - mean(s)) / sqrt(var(s) + eps) * weight + bias with s = x + residual, in float32 inside.
void normalise(const NormRows& in);

// The same without vector instructions beyond the processor's baseline, for tests.
void normalise_plain(const NormRows& in);

}  // namespace hft
