// Attention of one head over one sequence, in float32 whatever the inputs' type.
#pragma once

#include <cstdint>

#include "core/base/processor.h"

namespace hft {

struct HeadInput {
  const void* query;  // [T, E], rows `stride` elements apart; key and value alike
  const void* key;
  const void* value;
  std::int64_t stride;
  std::int64_t tokens, size;  // T, E
  float scale;                // of the scores, 1 / sqrt(E)
  const float* bias;          // [T, T] added to the scaled scores, rows bias_stride apart; or null
  std::int64_t bias_stride;
  const float* gates = nullptr;  // of each query, what its bias is multiplied by; null: 1
  std::int64_t gate_stride = 0;
  bool bfloat16;            // else float32
  std::int64_t queries = 0;  // rows of query, where not T: a part of them
  std::int64_t query_stride = 0;  // of query's rows; 0: `stride`
  std::int64_t window = 0;   // a token sees those at most so far before and after it; 0: all
};

// out [T, E] = softmax(scale Q K^T + bias) V, rows out_stride elements apart, of the inputs' type.
// Needs scratch of head_scratch floats. Time and scratch are linear in T where there is a window.
void attend_head(const HeadInput& in, void* out, std::int64_t out_stride, float* scratch,
                 Processor row = processor());
std::int64_t head_scratch(std::int64_t tokens, std::int64_t size);

}  // namespace hft
