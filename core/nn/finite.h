// Is a result free of NaN and infinity, and if not, which layer's.
#pragma once

#include <span>
#include <string>

#include "core/nn/tensor.h"

namespace hft {

bool all_finite(std::span<const float> values);

// Throws kNotFinite naming the layer when its output has a NaN or infinity.
void find_not_finite(const std::string& layer, const Tensor& output);

}  // namespace hft
