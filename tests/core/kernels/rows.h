// The rows of the table of kernels, for the tests of each.
#pragma once

#include "core/base/processor.h"
#include "tests/support/test.h"

namespace hft::test {

// Calls f(row) for every row that this processor has.
template <class F>
void each_row(F&& f) {
  for (const Processor row : kProcessors)
    if (!has(row))
      MESSAGE("not run here: the kernels' row '" << name_of(row) << "', this processor lacks it");
    else
      f(row);
}

#if __has_include(<ATen/ATen.h>)
inline double worst(const at::Tensor& got, const at::Tensor& wanted) {
  if (wanted.numel() == 0) return 0;
  return (got.to(at::kDouble) - wanted).abs().max().item<double>();
}
#endif

}  // namespace hft::test
