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

}  // namespace hft::test
