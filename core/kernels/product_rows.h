// The functions behind the tables of product.cc and int8_product.cc, one for each instruction set.
#pragma once

#include "core/kernels/int8_product.h"

namespace hft {

// Floats of one panel of weights: 256 KiB, a part of the second-level cache.
inline constexpr std::int64_t kPanelFloats = 1024 * kOutputStep;

struct ProductScratch {  // 64-byte aligned
  float* panel;          // [kPanelFloats]
  float* sums;           // [M, kOutputStep]
};

void compute_product_plain(const Product& p, std::int64_t begin, std::int64_t end,
                           const ProductScratch& scratch);
// sums: [M, kOutputStep] and a vector more.
void compute_int8_plain(const Product& p, const Int8Operands& operands, std::int64_t begin,
                        std::int64_t end, float* sums);
#if defined(__aarch64__)
void compute_product_neon(const Product& p, std::int64_t begin, std::int64_t end,
                          const ProductScratch& scratch);
void compute_int8_neon(const Product& p, const Int8Operands& operands, std::int64_t begin,
                       std::int64_t end, float* sums);
#endif
#if defined(__x86_64__)
void compute_product_avx2(const Product& p, std::int64_t begin, std::int64_t end,
                          const ProductScratch& scratch);
void compute_product_avx512(const Product& p, std::int64_t begin, std::int64_t end,
                            const ProductScratch& scratch);
void compute_product_avx512_bf16(const Product& p, std::int64_t begin, std::int64_t end,
                                 const ProductScratch& scratch);
bool serves_avx512_bf16(const Product& p);
void compute_int8_avx2(const Product& p, const Int8Operands& operands, std::int64_t begin,
                       std::int64_t end, float* sums);
void compute_int8_avx512(const Product& p, const Int8Operands& operands, std::int64_t begin,
                         std::int64_t end, float* sums);
void compute_int8_avx512_vnni(const Product& p, const Int8Operands& operands, std::int64_t begin,
                              std::int64_t end, float* sums);
#endif

}  // namespace hft
