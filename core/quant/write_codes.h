// Weights in codes as the tensors that bitsandbytes saves.
#pragma once

#include "core/checkpoint/safetensors.h"
#include "core/quant/four_bit.h"
#include "core/quant/int8_matrix.h"

namespace hft {

// `name` is that of the weight, "….weight". They share the memory of what was made.
StoredTensors tensors_of(const std::string& name, const MadeFourBit& made, std::int64_t outputs,
                         std::int64_t depth);
StoredTensors tensors_of(const std::string& name, const LlmInt8& made);

}  // namespace hft
