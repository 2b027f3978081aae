// Each hand kernel has a twin of LibTorch's operators beside it, which computes on other devices and
// where gradients are wanted.
#pragma once

#include <atomic>

#include "core/nn/tensor.h"

namespace hft {

// Whether the twins compute everywhere, for tests: HFT_TWINS=1 begins with it.
std::atomic<bool>& twins_forced();

// Whether a kernel computes from x.
inline bool kernel_computes(const Tensor& x) {
  return x.is_cpu() && !x.requires_grad() && !twins_forced();
}

}  // namespace hft
