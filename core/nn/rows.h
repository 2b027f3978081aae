// Operators of LibTorch on one row at a time: their vectors then end where the row does, so that
// its bits do not depend on the rows beside it.
#pragma once

#include <vector>

#include "core/nn/tensor.h"

namespace hft {

// f of each row [1,D] of x [N,D], one below the other.
template <class F>
Tensor row_by_row(const Tensor& x, F&& f) {
  if (x.size(0) < 2) return f(x);
  std::vector<Tensor> rows;
  for (std::int64_t i = 0; i < x.size(0); ++i) rows.push_back(f(x.narrow(0, i, 1)));
  return at::concat(rows);
}

}  // namespace hft
