// Weights of 8 bits; core/kernels/int8_product.h multiplies by them.
#pragma once

#include "core/quant/stored_matrix.h"

namespace hft {

// Made of numbers when a model is loaded, with a scale for every few of them.
std::shared_ptr<const StoredMatrix> int8_matrix(const Slices& slices);

// As LLM.int8() of bitsandbytes has them (arXiv:2208.07339): a row's largest number is 127. What is
// multiplied has 8 bits too, but for the numbers that reach the threshold (0: none does).
struct LlmInt8 {
  std::int64_t outputs = 0, depth = 0;
  const std::int8_t* codes = nullptr;  // [outputs, depth]
  const float* sizes = nullptr;        // [outputs], the largest of each row
  bool mapped = false;                 // the codes lie in a file, whose pages are given back once they are laid out
  std::shared_ptr<const void> owner;   // of both
};
LlmInt8 llm_int8(const Tensor& weight, const std::string& what);
StoredRows llm_int8_rows(const LlmInt8& weight, float threshold);

}  // namespace hft
