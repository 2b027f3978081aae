// A weight of 8 bits, made of numbers when it is loaded; core/kernels/int8_product.h multiplies by it.
#pragma once

#include "core/quant/stored_matrix.h"

namespace hft {

std::shared_ptr<const StoredMatrix> int8_matrix(const Slices& slices);

}  // namespace hft
