// Whole numbers packed into words of 32 bits: GPTQ (arXiv:2210.17323), AWQ (arXiv:2306.00978) and the
// packed format of compressed-tensors.
#pragma once

#include "core/quant/stored_codes.h"

namespace hft {

StoredRows gptq_rows(const Quantization& how, const CodedModule& module, const FindTensor& find);
StoredRows awq_rows(const Quantization& how, const CodedModule& module, const FindTensor& find);
StoredRows packed_rows(const CodedModule& module, const FindTensor& find);

}  // namespace hft
