// Merges PEFT adapters into a checkpoint's tensors, by name and in the type computed with, as
// merge_and_unload does (peft 0.21): models bind the merged weights and know nothing of it.
#pragma once

#include "core/checkpoint/adapter.h"
#include "core/nn/weights.h"

namespace hft {

// Changes `tensors`, and `config` where an embedding changes that an output layer was tied to: they
// are two then, as while the adapter was trained. Throws kBadData when a part of an adapter fits
// no tensor, kUsage when two replace the same one.
void merge_adapters(const std::vector<WeightedAdapter>& adapters, const std::string& base,
                    at::ScalarType dtype, StoredTensors& tensors, Fields& config);

}  // namespace hft
