// The functions behind the table of product.cc, one for each instruction set.
#pragma once

#include "core/kernels/product.h"

namespace hft {

// Floats of one panel of weights: 256 KiB, a part of the second-level cache.
inline constexpr std::int64_t kPanelFloats = 1024 * kOutputStep;

struct ProductScratch {  // 64-byte aligned
  float* panel;          // [kPanelFloats]
  float* sums;           // [M, kOutputStep]
};

void compute_product_plain(const Product& p, std::int64_t begin, std::int64_t end,
                           const ProductScratch& scratch);
#if defined(__x86_64__)
void compute_product_avx2(const Product& p, std::int64_t begin, std::int64_t end,
                          const ProductScratch& scratch);
void compute_product_avx512(const Product& p, std::int64_t begin, std::int64_t end,
                            const ProductScratch& scratch);
void compute_product_avx512_bf16(const Product& p, std::int64_t begin, std::int64_t end,
                                 const ProductScratch& scratch);
bool serves_avx512_bf16(const Product& p);
#endif

}  // namespace hft
