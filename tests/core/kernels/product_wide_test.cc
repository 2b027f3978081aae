// The code of the product's row for AVX-512, compiled for what a processor is likelier to have: its
// vectors of 16 floats are then two of 8.
#if defined(__x86_64__)
#include "core/base/processor.h"
#include "tests/core/kernels/int8_trial.h"
#include "tests/core/kernels/product_trial.h"

#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC push_options
#pragma GCC target("avx2,fma,f16c,bmi2")
#include "core/kernels/product_vectors.h"

#include "core/kernels/int8_tiles.h"

namespace hft::test {
namespace {

void compute_wide(const Product& p, std::int64_t begin, std::int64_t end,
                  const ProductScratch& scratch) {
  Tiles<Vectors<simd::Wide>>::compute(p, begin, end, scratch);
}
void compute_int8_wide(const Product& p, const Int8Operands& in, std::int64_t begin,
                       std::int64_t end) {
  std::vector<float> sums(p.rows * kOutputStep + kPanel);
  Int8Tiles<Vectors<simd::Wide>, AnyPairs<simd::Wide>>::compute(p, in, begin, end, sums.data());
}

}  // namespace
}  // namespace hft::test
#pragma GCC pop_options

namespace hft::test {

TEST_CASE("product: the code of the AVX-512 row equals the plain loops, and rows stay exact") {
  if (!has(Processor::kAvx2)) {
    MESSAGE("not run here: this processor lacks avx2");
    return;
  }
  check_products(compute_wide);
}

TEST_CASE("int8 product: the code of the AVX-512 rows equals the plain loops") {
  if (!has(Processor::kAvx2)) {
    MESSAGE("not run here: this processor lacks avx2");
    return;
  }
  int turn = 0;
  for (const int rows : {1, 2, 5, 6, 7, 20})
    for (const int depth : {7, 64, 300})
      for (const int outputs : {5, 16, 64, 81})
        Int8Trial(rows, depth, outputs, ++turn).check(compute_int8_wide);
}

}  // namespace hft::test
#endif
