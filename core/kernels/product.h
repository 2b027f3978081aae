// y = act(x W^T + b) from weights exactly as a checkpoint stores them, of any floating type, by
// outputs or by inputs: nothing is copied, packed or converted beforehand.
#pragma once

#include "core/base/processor.h"
#include "core/kernels/activation_kernel.h"

namespace hft {

// Shapes: M rows of x, K depth, O outputs.
struct Product {
  const void* x;  // [M, K] of type x_type, rows x_stride elements apart
  std::int64_t x_stride;
  const void* weight;  // [O, K] contiguous, of type weight_type; or see weight_stride
  const void* bias;    // [O] of bias_type, or null
  void* y;             // [M, O] of type y_type, rows y_stride elements apart
  std::int64_t y_stride;
  std::int64_t rows, depth, outputs;
  Number x_type, weight_type, y_type, bias_type;  // x_type: float or bfloat16
  Activation activation = Activation::kNone;      // applied while a sum is still in registers
  // Another [O, K] of gated_type: y = act(x W^T + b) * (x gated^T). Null: none.
  const void* gated = nullptr;
  Number gated_type = Number::kFloat;
  // Where not 0, weight is [K, O], rows so many elements apart, and nothing is gated.
  std::int64_t weight_stride = 0;
  // Added to the sum after the activation: [M, O] of type y_type with y's stride; may be y itself.
  const void* residual = nullptr;
  // The residual is added before the activation.
  bool residual_inside = false;
  // Where not null, a row m of x is `taps` runs of depth / taps numbers, the i-th of them the row
  // places[m * taps + i] of x; -1: zeros (indirect convolution, arXiv:1907.02129).
  const std::int32_t* places = nullptr;
  std::int64_t taps = 1;
  // Each row of y has the same bits whatever rows are computed with it, which is slower where there
  // are few.
  bool row_exact = false;
};

// Outputs [begin, end) of p, on the calling thread. Products of many rows are best cut at multiples
// of kOutputStep (half of it when gated).
inline constexpr std::int64_t kOutputStep = 64;
// Up to here the weights are read once, in the order of memory, and the memory is the limit.
inline constexpr std::int64_t kFewRows = 16;
void compute_product(const Product& p, std::int64_t begin, std::int64_t end,
                     Processor row = processor());

// The same by plain loops, y [M, O] in double, for tests.
void compute_product_loops(const Product& p, double* y);

}  // namespace hft
