// Kernels and their twins, one beside the other.
#pragma once

#include <algorithm>
#include <utility>

#include "core/nn/twins.h"
#include "tests/core/worst.h"

namespace hft::test {

// What f gives with the twins forced, or with the kernels.
template <class F>
at::Tensor with_twins(bool forced, F&& f) {
  const bool before = twins_forced();
  twins_forced() = forced;
  at::Tensor result = f();
  twins_forced() = before;
  return result;
}

// With the kernels, and with the twins.
template <class F>
std::pair<at::Tensor, at::Tensor> both(F&& f) {
  at::Tensor kernel = with_twins(false, f);
  return {std::move(kernel), with_twins(true, f)};
}

// The largest difference, relative to the largest number.
template <class F>
double apart(F&& f) {
  const auto [kernel, twin] = both(f);
  CHECK((kernel.sizes() == twin.sizes()));
  CHECK((kernel.scalar_type() == twin.scalar_type()));
  return worst(kernel, twin) / std::max(1.0, twin.abs().max().template item<double>());
}

// Of values below 16, a unit of bfloat16 is 2^-4.
inline double tolerance(at::ScalarType type) { return type == at::kFloat ? 2e-5 : 0x1.1p-4; }

}  // namespace hft::test
