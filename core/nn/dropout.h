// Dropout while a model learns (Srivastava et al. 2014). Models do not know of it: where a product is
// added to a residual, and where attention mixes values, the rates of the calling thread count.
#pragma once

#include "core/nn/tensor.h"

namespace hft {

struct DropoutRates {
  double hidden = 0, attention = 0;
};

// The rates of the calling thread; 0 unless it learns. LibTorch's own generator draws.
inline DropoutRates& dropout_rates() {
  thread_local DropoutRates rates;
  return rates;
}

// x with that part of its numbers 0, the others larger in turn; x itself where the rate is 0.
inline Tensor dropped_out(const Tensor& x, double rate) {
  return rate > 0 ? at::dropout(x, rate, true) : x;
}

}  // namespace hft
