// The activation functions that config.json names, as transformers' ACT2FN defines them.
#pragma once

#include <string_view>

#include "core/kernels/activation_kernel.h"
#include "core/nn/tensor.h"

namespace hft {

// "gelu_new" -> kGeluTanh. `field` names where the word stands. Throws kUnsupported with the list.
Activation activation_named(std::string_view name, std::string_view field);

// x may be overwritten.
Tensor activate(Tensor x, Activation activation);

}  // namespace hft
