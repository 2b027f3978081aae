// How far two tensors are apart.
#pragma once

#include "tests/support/test.h"

namespace hft::test {

// The largest difference of two numbers at the same place; 0 where there are none.
inline double worst(const at::Tensor& got, const at::Tensor& wanted) {
  if (wanted.numel() == 0) return 0;
  return (got.to(at::kDouble) - wanted.to(at::kDouble)).abs().max().item<double>();
}

}  // namespace hft::test
