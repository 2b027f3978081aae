// The activation functions that config.json names, one number at a time.
#pragma once

#include "core/base/processor.h"
#include "core/kernels/number.h"

namespace hft {

enum class Activation : std::uint8_t {
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

// values [count] float32 become act(values).
void activate_values(float* values, std::int64_t count, Activation activation,
                     Processor row = processor());

}  // namespace hft
