// The product in the rows of 64-bit ARM, where LibTorch may be missing (scripts/test_neon).
#if defined(__aarch64__)
#include "tests/core/kernels/product_trial.h"
#include "tests/core/kernels/rows.h"

namespace hft::test {

TEST_CASE("product: the rows of 64-bit ARM equal the plain loops, and rows stay exact") {
  each_row([](Processor row) {
    CAPTURE(name_of(row));
    check_products([&](const Product& p, std::int64_t begin, std::int64_t end,
                       const ProductScratch&) { compute_product(p, begin, end, row); });
  });
}

}  // namespace hft::test
#endif
