// The one name of the tensor type in nn and models. LibTorch appears behind it only.
// Shape legend of both folders: N tokens of all sequences together, B sequences, D hidden size,
// H heads, E head size, F feed-forward size, V vocabulary, L labels.
#pragma once

#include <ATen/ATen.h>

namespace hft {

using at::Tensor;

// Products are computed for this many rows or a multiple of it, so that batches of many lengths
// share the code that oneDNN generates for each number of rows (a millisecond and 0.2 MB apiece).
inline constexpr std::int64_t kRowStep = 8;

// An uninitialised [rows, size] that has room behind it for the rows up to the next multiple.
inline Tensor rows_with_room(std::int64_t rows, std::int64_t size,
                             const at::TensorOptions& options) {
  const auto room = (rows + kRowStep - 1) / kRowStep * kRowStep;
  return at::empty({room, size}, options).narrow(0, 0, rows);
}

// x [N, D] with the rows behind it that round N up, if its memory holds them.
inline Tensor rounded_up(const Tensor& x) {
  const auto room = (x.size(0) + kRowStep - 1) / kRowStep * kRowStep;
  const auto end = (x.storage_offset() + room * x.size(1)) * x.element_size();
  if (!x.is_contiguous() || end > static_cast<std::int64_t>(x.storage().nbytes())) return x;
  return x.as_strided({room, x.size(1)}, {x.size(1), 1});
}

}  // namespace hft
