// The one name of the tensor type in nn and models, with LibTorch's functions of tensors (at::concat
// in place of at::cat, whose list type costs every file a second). LibTorch appears behind it only.
// Shape legend of both folders: N tokens of all sequences together, B sequences, D hidden size,
// H heads, E head size, F feed-forward size, V vocabulary, L labels.
#pragma once

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

namespace hft {

using at::Tensor;

}  // namespace hft
