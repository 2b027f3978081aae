// A product of many rows, cut so that the sums of a part stay in a core's second-level cache.
#pragma once

#include "core/kernels/product.h"

namespace hft {

// Computes p, whose rows of x may be gathered from places, on all cores.
void compute_in_blocks(const Product& p);

}  // namespace hft
