// The activation functions that config.json names (M0.2), as transformers' ACT2FN defines them.
#pragma once

#include <string_view>

#include "core/nn/tensor.h"

namespace hft {

enum class Activation {
  kNone,       // linear
  kGelu,       // x Phi(x), with the error function (arXiv:1606.08415)
  kGeluTanh,   // its tanh approximation, constant 0.044715
  kGeluQuick,  // x sigmoid(1.702 x)
  kGelu10,     // gelu clipped to [-10, 10] (arXiv:2004.09602)
  kRelu,
  kRelu2,  // relu(x)^2 (arXiv:2109.08668)
  kRelu6,
  kLeakyRelu,  // slope 0.01 below 0
  kSilu,
  kMish,
  kTanh,
  kSigmoid,
  kLaplace,  // (arXiv:2209.10655)
};

// "gelu_new" -> kGeluTanh. `field` names where the word stands. Throws kUnsupported with the list.
Activation activation_named(std::string_view name, std::string_view field);

// x is overwritten.
Tensor activate(Tensor x, Activation activation);

}  // namespace hft
