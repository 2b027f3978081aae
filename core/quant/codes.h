// A weight in codes beside scales, and the matrix that computes with it: of many rows by widening a few
// outputs at a time, which stay in the second-level cache, for the product of floats.
#pragma once

#include <memory>

#include "core/kernels/widen_codes.h"
#include "core/quant/stored_matrix.h"

namespace hft {

// [outputs, depth] numbers.
class Codes {
 public:
  Codes(std::int64_t outputs, std::int64_t depth) : outputs(outputs), depth(depth) {}
  virtual ~Codes() = default;
  const std::int64_t outputs, depth;

  // Outputs [first, first + count) as the format's own library widens them, [count, depth].
  virtual void widen(std::int64_t first, std::int64_t count, float* to) const = 0;
  // p by outputs from `first` on, and by as many of `gated`, which is null or of the same class, from the
  // codes themselves; empty where no kernel serves them.
  struct Gated {
    const Codes* codes;
    std::int64_t first;
  };
  virtual StoredMatrix::Part product(const Product& p, std::int64_t first, const Gated& gated) const {
    (void)p, (void)first, (void)gated;
    return {};
  }
};

StoredRows rows_of(std::shared_ptr<const Codes> codes);

}  // namespace hft
