// Products in every row of the table against plain loops in double.
#include "core/kernels/product.h"

#include <cmath>

#include "tests/core/kernels/rows.h"
#include "tests/core/worst.h"

namespace hft::test {
namespace {

// One product and what it reads and writes, of random numbers.
struct Trial {
  int rows, depth, outputs;
  at::ScalarType x_at, w_at, up_at, y_at;
  Activation activation = Activation::kNone;
  bool gated = false, added = false, biased = true, transposed = false;

  at::Tensor x, w, up, bias, y;
  static Number number(at::ScalarType type) {
    return type == at::kFloat  ? Number::kFloat
           : type == at::kHalf ? Number::kHalf
                               : Number::kBFloat16;
  }
  void fill() {
    x = at::randn({rows, depth + 2}).to(x_at);
    w = (at::randn({outputs, depth}) * 0.1).to(w_at);
    if (transposed) w = at::concat({w.t(), at::full({depth, 5}, NAN, w_at)}, 1);  // part of a wider one
    up = (at::randn({outputs, depth}) * 0.1).to(up_at);
    bias = at::randn({outputs}).to(x_at);
    y = at::randn({rows, outputs + 3}).to(y_at);
  }
  Product product(bool exact = true) {
    Product p{.x = x.const_data_ptr(),
              .x_stride = x.stride(0),
              .weight = w.const_data_ptr(),
              .bias = biased ? bias.const_data_ptr() : nullptr,
              .y = y.data_ptr(),
              .y_stride = y.stride(0),
              .rows = rows,
              .depth = depth,
              .outputs = outputs,
              .x_type = number(x_at),
              .weight_type = number(w_at),
              .y_type = number(y_at),
              .bias_type = number(x_at),
              .activation = activation,
              .row_exact = exact};
    if (transposed) p.weight_stride = outputs + 5;
    if (gated) p.gated = up.const_data_ptr(), p.gated_type = number(up_at);
    if (added) p.residual = y.const_data_ptr();
    return p;
  }
};

constexpr at::ScalarType kTypes[] = {at::kFloat, at::kBFloat16, at::kHalf};
constexpr int kActivations = static_cast<int>(Activation::kLaplace) + 1;

}  // namespace

TEST_CASE("product: every row equals the plain loops for every type, number of rows and depth") {
  int turn = 0;
  const auto check = [&](Processor row, Trial trial) {
    ++turn;
    trial.y_at = kTypes[turn % 3];
    trial.up_at = turn % 5 ? trial.w_at : kTypes[turn % 2];
    trial.activation = static_cast<Activation>(turn % kActivations);
    trial.transposed = turn % 8 < 3;
    trial.gated = turn % 3 == 0 && !trial.transposed;
    trial.added = turn % 2 == 0;
    trial.biased = turn % 7 != 0;
    trial.fill();
    const Product p = trial.product(turn % 4 != 0);
    CAPTURE(name_of(row));
    CAPTURE(trial.rows);
    CAPTURE(trial.depth);
    CAPTURE(trial.outputs);
    const at::Tensor before = trial.y.clone();
    at::Tensor wanted = at::empty({trial.rows, trial.outputs}, at::kDouble);
    compute_product_loops(p, wanted.data_ptr<double>());
    compute_product(p, 0, trial.outputs / 2, row);
    compute_product(p, trial.outputs / 2, trial.outputs, row);
    if (trial.rows == 0) return;
    const double size = wanted.abs().max().item<double>() + 1;
    const bool narrows = trial.x_at == at::kBFloat16 && row == Processor::kAvx512Bf16;
    const double tolerance = trial.y_at == at::kFloat && !narrows ? 1e-5 : 2e-2;
    CHECK(worst(trial.y.narrow(1, 0, trial.outputs), wanted) < size * tolerance);
    CHECK(at::equal(trial.y.narrow(1, trial.outputs, 3), before.narrow(1, trial.outputs, 3)));
  };
  each_row([&](Processor row) {
    for (const auto x_at : {at::kFloat, at::kBFloat16})
      for (const auto w_at : kTypes) {
        for (int rows = 0; rows <= 70; rows += rows < 20 ? 1 : 17)
          check(row, {rows, 40, 70, x_at, w_at});
        for (const int depth : {1, 7, 8, 9, 15, 16, 17, 255, 256, 257, 511, 513, 1023, 1025, 2600})
          for (const int rows : {1, 7}) check(row, {rows, depth, 17, x_at, w_at});
        for (const int outputs : {1, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 129})
          for (const int rows : {2, 6, 19}) check(row, {rows, 24, outputs, x_at, w_at});
      }
  });
}

TEST_CASE("product: a row has the same bits alone and in any company, wherever outputs are cut") {
  each_row([&](Processor row) {
    for (const auto x_at : {at::kFloat, at::kBFloat16})
      for (const auto w_at : kTypes)
        for (const int depth : {24, 600})
          for (const int rows : {2, 5, 6, 16, 17, 40}) {
            CAPTURE(name_of(row));
            CAPTURE(rows);
            Trial together{rows, depth, 70, x_at, w_at, w_at, at::kFloat, Activation::kGelu};
            together.transposed = rows % 5 == 0 || rows == 17;
            together.gated = rows % 2 == 0 && !together.transposed;
            together.fill();
            compute_product(together.product(), 0, 70, row);
            Trial alone = together;
            alone.rows = 1;
            for (int i = 0; i < rows; ++i) {
              alone.x = together.x.narrow(0, i, 1);
              alone.y = at::zeros({1, 73});
              compute_product(alone.product(), 0, 33, row);
              compute_product(alone.product(), 33, 70, row);
              CHECK(at::equal(alone.y.narrow(1, 0, 70), together.y.narrow(0, i, 1).narrow(1, 0, 70)));
            }
          }
  });
}

TEST_CASE("product: NaN and infinity pass through every activation") {
  each_row([&](Processor row) {
    for (const int rows : {1, 20})
      for (int i = 0; i < kActivations; ++i) {
        Trial trial{rows, 4, 3, at::kFloat, at::kFloat, at::kFloat, at::kFloat};
        trial.activation = static_cast<Activation>(i);
        trial.fill();
        trial.x[0][2] = NAN;
        CAPTURE(name_of(row));
        CAPTURE(i);
        compute_product(trial.product(), 0, 3, row);
        CHECK(at::isnan(trial.y[0].narrow(0, 0, 3)).all().item<bool>());
        if (rows > 1) CHECK(!at::isnan(trial.y[1]).any().item<bool>());
      }
  });
}

}  // namespace hft::test
