// --attn-implementation: which of the reference's names for attention a model may have.
#pragma once

#include "core/models/heads/model.h"
#include "core/nn/weights.h"

namespace hft {

// Throws kUnsupported where the reference's class has no such attention, and warns where another one
// than was asked for computes. It is the same sum of products whatever its name.
void choose_attention(const ModelRequest& request, const Fields& config, WeightStore& store);

}  // namespace hft
