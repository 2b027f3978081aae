// Weights of a byte each beside their scales, read where the file has them: FP8 and the whole numbers of
// compressed-tensors; and MXFP4, two in a byte.
#pragma once

#include "core/quant/stored_codes.h"

namespace hft {

// `weight` is of FP8 or 8 bits.
StoredRows scaled_rows(const Quantization& how, const CodedModule& module, const StoredTensor& weight,
                       const FindTensor& find);
// The slab-th of `module.slabs` weights in "_blocks" and "_scales".
StoredRows mxfp4_rows(const CodedModule& module, const FindTensor& find);

}  // namespace hft
