// y = act(x W^T + b) from weights exactly as a checkpoint stores them, rows of any floating type:
// nothing is copied, packed or converted beforehand.
#pragma once

#include <cstdint>

namespace hft {

enum class Number : std::uint8_t { kFloat, kBFloat16, kHalf };
constexpr std::int64_t bytes_of(Number type) { return type == Number::kFloat ? 4 : 2; }

// Applied to a sum while it is still in registers.
enum class Epilogue : std::uint8_t { kNone, kGelu, kGeluTanh, kRelu, kSilu };

// Shapes: M rows of x, K depth, O outputs.
struct Product {
  const void* x;  // [M, K] of type x_type, rows x_stride elements apart
  std::int64_t x_stride;
  const void* weight;  // [O, K] contiguous, of type weight_type
  const void* bias;    // [O] of bias_type, or null
  void* y;             // [M, O] of type y_type, rows y_stride elements apart
  std::int64_t y_stride;
  std::int64_t rows, depth, outputs;
  Number x_type, weight_type, y_type, bias_type;
  Epilogue epilogue = Epilogue::kNone;
  // Another [O, K] of weight_type: y = act(x W^T + b) * (x gated^T). Null: none.
  const void* gated = nullptr;
  // Added to the sum after the epilogue: [M, O] of type y_type with y's stride; may be y itself.
  const void* residual = nullptr;
};

// The processor has what the kernels need (AVX-512).
bool has_product_kernel();

// Outputs [begin, end) of p, on the calling thread. Products of many rows are best cut at multiples
// of kOutputStep (half of it when gated). x_type is float or bfloat16; for the latter K is even.
inline constexpr std::int64_t kOutputStep = 64;
// Up to here the weights are read once, in the order of memory, and the memory is the limit.
inline constexpr std::int64_t kFewRows = 16;
void compute_product(const Product& p, std::int64_t begin, std::int64_t end);

// The same by plain loops, y [M, O] in double, for tests.
void compute_product_plain(const Product& p, double* y);

}  // namespace hft
