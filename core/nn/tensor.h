// The one name of the tensor type in nn and models. LibTorch appears behind it only.
// Shape legend of both folders: N tokens of all sequences together, B sequences, D hidden size,
// H heads, E head size, F feed-forward size, V vocabulary, L labels.
#pragma once

#include <ATen/ATen.h>

namespace hft {

using at::Tensor;

}  // namespace hft
