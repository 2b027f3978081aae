// The kernel behind compute_product for processors with AVX-512 and its bfloat16 products.
#pragma once

#include "core/kernels/product.h"

namespace hft {

// Depth of one panel of weights, in units of 4 bytes: 256 KiB, a part of the second-level cache.
inline constexpr std::int64_t kPanelUnits = 1024;

struct ProductScratch {  // 64-byte aligned
  std::uint32_t* panel;  // [kPanelUnits, kOutputStep]
  float* partial;        // [M, kOutputStep], when the depth takes several panels
};

void compute_product_avx512(const Product& p, std::int64_t begin, std::int64_t end,
                            const ProductScratch& scratch);

}  // namespace hft
