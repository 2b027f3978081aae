// Weights as quantised checkpoints store them: bitsandbytes (4 bits and LLM.int8()), GPTQ, AWQ, FP8,
// compressed-tensors and MXFP4. Names and layouts: docs/formats/quantized.md.
#pragma once

#include <functional>

#include "core/checkpoint/quantization.h"
#include "core/checkpoint/safetensors.h"
#include "core/quant/stored_matrix.h"

namespace hft {

// A module's tensor by the end of its name (".weight", ".qweight"), which counts as used from then on;
// null: there is none.
using FindTensor = std::function<const StoredTensor*(const std::string& end)>;

struct CodedModule {
  std::string where;  // the checkpoint and the module, for errors
  std::int64_t outputs, depth;
  at::ScalarType dtype;  // computed with
  std::int64_t slab = 0, slabs = 0;  // of several weights stored as one tensor (MXFP4)
};

// The weight of a module; empty where the checkpoint has floats there, or nothing. Throws kBadData for
// shapes and types that do not fit together and for codes without their scales, kUnsupported for what
// this kind of checkpoint should not hold.
StoredRows stored_codes(const Quantization& how, const CodedModule& module, const FindTensor& find);

// Whether a tensor of this name belongs to a quantised module and is of no use without it.
bool belongs_to_codes(std::string_view name);

}  // namespace hft
