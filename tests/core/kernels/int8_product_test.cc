// Products in whole numbers in every row of the table against plain loops in double.
#include "core/kernels/int8_product.h"

#include <cmath>
#include <cstring>

#include "tests/core/kernels/int8_trial.h"
#include "tests/core/kernels/rows.h"

namespace hft::test {

TEST_CASE("int8 product: every row equals the plain loops over the numbers it rounded to") {
  int turn = 0;
  const auto check = [&](Processor row, int rows, int depth, int outputs) {
    CAPTURE(name_of(row));
    Int8Trial trial(rows, depth, outputs, ++turn);
    trial.check([&](const Product& p, const Int8Operands& in, std::int64_t begin, std::int64_t end) {
      compute_int8_product(p, in, begin, end, row);
    });
  };
  each_row([&](Processor row) {
    for (int rows = 0; rows <= 70; rows += rows < 20 ? 1 : 17) check(row, rows, 40, 70);
    for (const int depth : {1, 2, 31, 63, 64, 65, 127, 128, 130, 1023, 2600})
      for (const int rows : {1, 7}) check(row, rows, depth, 17);
    for (const int outputs : {1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 129})
      for (const int rows : {2, 6, 19}) check(row, rows, 70, outputs);
    check(row, 800, 400, 40);  // more than the caches hold
  });
}

TEST_CASE("int8 product: a row has the same bits alone and in any company, wherever outputs are cut") {
  each_row([&](Processor row) {
    for (const int rows : {2, 5, 6, 17, 40}) {
      CAPTURE(name_of(row));
      CAPTURE(rows);
      Int8Trial together(rows, 300, 70, rows);
      Product p = together.product();
      const Int16Rows x = quantise_rows(p, row);
      compute_int8_product(p, together.operands(x), 0, 70, row);
      std::vector<float> one(together.y_stride());
      for (int i = 0; i < rows; ++i) {
        Product alone = p;
        alone.rows = 1;
        alone.x = static_cast<const char*>(p.x) + i * p.x_stride * bytes_of(p.x_type);
        alone.y = one.data();
        if (p.residual) std::memcpy(one.data(), together.added(i), one.size() * sizeof(float));
        if (p.residual) alone.residual = one.data();
        const Int16Rows own = quantise_rows(alone, row);
        compute_int8_product(alone, together.operands(own), 0, 33, row);
        compute_int8_product(alone, together.operands(own), 33, 70, row);
        CHECK(std::memcmp(one.data(), together.got(i), 70 * sizeof(float)) == 0);
      }
    }
  });
}

TEST_CASE("int8 product: a NaN or an infinity in a row makes NaNs of that row alone") {
  each_row([&](Processor row) {
    for (const float bad : {std::nanf(""), INFINITY}) {
      std::vector<float> x(3 * 40, 0.5f), y(3 * 20);
      x[40 + 39] = bad;
      Int8Weights w(20, 40);
      const std::vector<float> ones(40, 1.0f);
      for (int o = 0; o < 20; ++o) w.set(o, ones.data());
      Product p = product_of(x.data(), 40, y.data(), 20, 3, 40, 20);
      const Int16Rows rows = quantise_rows(p, row);
      compute_int8_product(p, {&rows, &w, nullptr}, 0, 20, row);
      for (int o = 0; o < 20; ++o) {
        CHECK(std::abs(y[o] - 20) < 1e-3);
        CHECK(std::isnan(y[20 + o]));
        CHECK(std::abs(y[40 + o] - 20) < 1e-3);
      }
    }
  });
}

TEST_CASE("int8 weights: each group of a row is rounded to 255 steps of its own largest number") {
  std::vector<float> numbers(150), got(150);
  for (int i = 0; i < 150; ++i) numbers[i] = std::sin(i * 0.7f) * (i < 64 ? 100.0f : 0.01f);
  Int8Weights w(3, 150);
  w.set(1, numbers.data());
  w.get(1, got.data());
  for (int i = 0; i < 150; ++i)
    CHECK(std::abs(got[i] - numbers[i]) <= (i < 64 ? 100.0f : 0.01f) / 253);
  w.get(0, got.data());
  CHECK(got == std::vector<float>(150));
}

}  // namespace hft::test
