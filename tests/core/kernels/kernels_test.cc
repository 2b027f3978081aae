// Each kernel against LibTorch's own operators in float64, in every instruction set there is.
#include <cmath>

#include "core/kernels/attention_kernel.h"
#include "core/kernels/norm_kernel.h"
#include "core/kernels/product.h"
#include "core/kernels/simd.h"
#include "tests/support/test.h"

namespace hft::test {
namespace {

double worst(const at::Tensor& got, const at::Tensor& wanted) {
  if (wanted.numel() == 0) return 0;
  return (got.to(at::kDouble) - wanted).abs().max().item<double>();
}

struct Exponential {
  [[gnu::always_inline]] static inline void run(const float* from, float* to) {
    simd::Floats x;
    simd::load(from, x);
    simd::store(simd::exp_of_negative(x), to);
  }
};

// One product and what it reads and writes, of random numbers.
struct Trial {
  int rows, depth, outputs;
  at::ScalarType x_at, w_at, up_at, y_at;
  Activation activation = Activation::kNone;
  bool gated = false, added = false, biased = true;

  at::Tensor x, w, up, bias, y;
  static Number number(at::ScalarType type) {
    return type == at::kFloat  ? Number::kFloat
           : type == at::kHalf ? Number::kHalf
                               : Number::kBFloat16;
  }
  void fill() {
    x = at::randn({rows, depth + 2}).to(x_at);
    w = (at::randn({outputs, depth}) * 0.1).to(w_at);
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
    if (gated) p.gated = up.const_data_ptr(), p.gated_type = number(up_at);
    if (added) p.residual = y.const_data_ptr();
    return p;
  }
};

// Calls f(row) for every row of the table that this processor has.
template <class F>
void each_row(F&& f) {
  for (const auto& row : product_rows())
    if (!has(row.needs))
      MESSAGE("not run here: product row '" << row.name << "', this processor lacks it");
    else
      f(row);
}

constexpr at::ScalarType kTypes[] = {at::kFloat, at::kBFloat16, at::kHalf};
constexpr int kActivations = static_cast<int>(Activation::kLaplace) + 1;

}  // namespace

TEST_CASE("product: every row equals the plain loops for every type, number of rows and depth") {
  int turn = 0;
  const auto check = [&](const ProductRow& row, Trial trial) {
    ++turn;
    trial.y_at = kTypes[turn % 3];
    trial.up_at = turn % 5 ? trial.w_at : kTypes[turn % 2];
    trial.activation = static_cast<Activation>(turn % kActivations);
    trial.gated = turn % 3 == 0;
    trial.added = turn % 2 == 0;
    trial.biased = turn % 7 != 0;
    trial.fill();
    const Product p = trial.product(turn % 4 != 0);
    if (!row.serves(p)) return;
    CAPTURE(row.name);
    CAPTURE(trial.rows);
    CAPTURE(trial.depth);
    CAPTURE(trial.outputs);
    const at::Tensor before = trial.y.clone();
    at::Tensor wanted = at::empty({trial.rows, trial.outputs}, at::kDouble);
    compute_product_loops(p, wanted.data_ptr<double>());
    compute_product_with(row.name, p, 0, trial.outputs / 2);
    compute_product_with(row.name, p, trial.outputs / 2, trial.outputs);
    if (trial.rows == 0) return;
    const double size = wanted.abs().max().item<double>() + 1;
    const bool narrows = trial.x_at == at::kBFloat16 && row.needs == Processor::kAvx512Bf16;
    const double tolerance = trial.y_at == at::kFloat && !narrows ? 1e-5 : 2e-2;
    CHECK(worst(trial.y.narrow(1, 0, trial.outputs), wanted) < size * tolerance);
    CHECK(at::equal(trial.y.narrow(1, trial.outputs, 3), before.narrow(1, trial.outputs, 3)));
  };
  each_row([&](const ProductRow& row) {
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
  each_row([&](const ProductRow& row) {
    for (const auto x_at : {at::kFloat, at::kBFloat16})
      for (const auto w_at : kTypes)
        for (const int depth : {24, 600})
          for (const int rows : {2, 5, 6, 16, 17, 40}) {
            CAPTURE(row.name);
            CAPTURE(rows);
            Trial together{rows, depth, 70, x_at, w_at, w_at, at::kFloat, Activation::kGelu};
            together.gated = rows % 2 == 0;
            together.fill();
            if (!row.serves(together.product())) continue;
            compute_product_with(row.name, together.product(), 0, 70);
            Trial alone = together;
            alone.rows = 1;
            for (int i = 0; i < rows; ++i) {
              alone.x = together.x.narrow(0, i, 1);
              alone.y = at::zeros({1, 73});
              compute_product_with(row.name, alone.product(), 0, 33);
              compute_product_with(row.name, alone.product(), 33, 70);
              CHECK(at::equal(alone.y.narrow(1, 0, 70), together.y.narrow(0, i, 1).narrow(1, 0, 70)));
            }
          }
  });
}

TEST_CASE("product: NaN and infinity pass through every activation") {
  each_row([&](const ProductRow& row) {
    for (const int rows : {1, 20})
      for (int i = 0; i < kActivations; ++i) {
        Trial trial{rows, 4, 3, at::kFloat, at::kFloat, at::kFloat, at::kFloat};
        trial.activation = static_cast<Activation>(i);
        trial.fill();
        trial.x[0][2] = NAN;
        CAPTURE(row.name);
        CAPTURE(i);
        if (!row.serves(trial.product())) continue;
        compute_product_with(row.name, trial.product(), 0, 3);
        CHECK(at::isnan(trial.y[0].narrow(0, 0, 3)).all().item<bool>());
        if (rows > 1) CHECK(!at::isnan(trial.y[1]).any().item<bool>());
      }
  });
}

TEST_CASE("activation kernel: a value does not depend on where it stands") {
  const at::Tensor values = at::randn({50}) * 3;
  for (int i = 0; i < kActivations; ++i) {
    at::Tensor all = values.clone(), one = values.clone();
    activate_values(all.data_ptr<float>(), 50, static_cast<Activation>(i));
    for (int k = 0; k < 50; ++k)
      activate_values(one.data_ptr<float>() + k, 1, static_cast<Activation>(i));
    CAPTURE(i);
    CHECK(at::equal(all, one));
  }
}

TEST_CASE("attention kernel: equals softmax(Q K^T / sqrt(E) + bias) V for every length and size") {
  for (const auto type : {at::kFloat, at::kBFloat16})
    for (const int size : {1, 8, 15, 16, 32, 40, 64, 80})
      for (const int tokens : {1, 2, 3, 4, 5, 15, 16, 17, 33, 64, 100, 600}) {
        if (tokens > 100 && size != 40) continue;
        CAPTURE(size);
        CAPTURE(tokens);
        const int heads = 3;
        const at::Tensor qkv = at::randn({tokens, 3, heads, size}).to(type);
        const at::Tensor bias = at::randn({heads, tokens + 2, tokens + 2});
        std::vector<float> scratch(head_scratch(tokens, size), NAN);
        for (const bool biased : {false, true})
          for (const bool plain : {false, true}) {
            const int head = 1;
            at::Tensor out = at::zeros({tokens, heads, size}, type);
            const auto at_head = [&](at::Tensor t) { return static_cast<char*>(t.data_ptr()); };
            const HeadInput in{at_head(qkv.select(1, 0).select(1, head)),
                               at_head(qkv.select(1, 1).select(1, head)),
                               at_head(qkv.select(1, 2).select(1, head)),
                               3 * heads * size,
                               tokens,
                               size,
                               static_cast<float>(1 / std::sqrt(double(size))),
                               biased ? bias[head].const_data_ptr<float>() : nullptr,
                               tokens + 2,
                               type == at::kBFloat16};
            (plain ? attend_head_plain : attend_head)(in, at_head(out.select(1, head)),
                                                      heads * size, scratch.data());
            const auto of = [&](int which) {
              return qkv.select(1, which).select(1, head).to(at::kDouble);
            };
            at::Tensor scores = at::mm(of(0), of(1).t()) / std::sqrt(double(size));
            if (biased) scores += bias[head].narrow(0, 0, tokens).narrow(1, 0, tokens);
            const at::Tensor wanted = at::mm(at::softmax(scores, 1), of(2));
            CHECK(worst(out.select(1, head), wanted) < (type == at::kFloat ? 4e-6 : 2e-2));
            CHECK(out.select(1, 0).abs().max().item<float>() == 0);  // other heads untouched
          }
      }
}

TEST_CASE("attention kernel: a NaN among the keys reaches every row, none is lost") {
  at::Tensor qkv = at::randn({5, 3, 16});
  qkv[2][1][3] = NAN;
  at::Tensor out = at::zeros({5, 16});
  std::vector<float> scratch(head_scratch(5, 16));
  const float* base = qkv.const_data_ptr<float>();
  attend_head({base, base + 16, base + 32, 48, 5, 16, 0.25f, nullptr, 0, false}, out.data_ptr(), 16,
              scratch.data());
  CHECK(at::isnan(out).all().item<bool>());
}

TEST_CASE("norm kernel: equals layer_norm, of a sum too, for every width and type") {
  for (const auto type : {at::kFloat, at::kBFloat16})
    for (const int size : {1, 7, 16, 24, 33, 384, 768})
      for (const bool plain : {false, true})
        for (const bool summed : {false, true}) {
          CAPTURE(size);
          const at::Tensor x = at::randn({5, size}).to(type),
                           residual = at::randn({5, size}).to(type);
          const at::Tensor weight = at::randn({size}).to(type), bias = at::randn({size}).to(type);
          const auto wide = [](const at::Tensor& t) { return t.to(at::kDouble); };
          const at::Tensor sum = summed ? wide(x) + wide(residual) : wide(x);
          const at::Tensor wanted =
              at::layer_norm(sum, {size}, wide(weight), wide(bias), 1e-5);
          at::Tensor out = at::empty_like(x);
          (plain ? normalise_plain : normalise)({.x = x.data_ptr(),
                                                 .x_stride = size,
                                                 .y = out.data_ptr(),
                                                 .y_stride = size,
                                                 .residual = summed ? residual.data_ptr() : nullptr,
                                                 .residual_stride = size,
                                                 .weight = weight.data_ptr(),
                                                 .bias = bias.data_ptr(),
                                                 .rows = 5,
                                                 .size = size,
                                                 .eps = 1e-5,
                                                 .bfloat16 = type == at::kBFloat16});
          CHECK(worst(out, wanted) < (type == at::kFloat ? 5e-6 : 4e-2));
        }
}

TEST_CASE("simd: exp of numbers below zero is exact to two units in the last place") {
  for (int i = 0; i < 8700; i += simd::kWidth) {
    float from[simd::kWidth], to[simd::kWidth];
    for (int k = 0; k < simd::kWidth; ++k) from[k] = -0.01f * static_cast<float>(i + k);
    simd::run_best<Exponential>(static_cast<const float*>(from), static_cast<float*>(to));
    for (int k = 0; k < simd::kWidth; ++k) {
      const double wanted = from[k] < -87.3f ? 0 : std::exp(double(from[k]));
      CHECK(std::abs(to[k] - wanted) <= 2.5e-7 * wanted);
    }
  }
  float special[simd::kWidth] = {NAN, -INFINITY, -0.0f, -1e30f}, to[simd::kWidth];
  simd::run_best<Exponential>(static_cast<const float*>(special), static_cast<float*>(to));
  CHECK(std::isnan(to[0]));
  CHECK(to[1] == 0);
  CHECK(to[2] == 1);
  CHECK(to[3] == 0);
}

TEST_CASE("simd: floats become bfloat16 as LibTorch rounds them") {
  at::Tensor values = at::randn({64}) * at::pow(10, at::randint(-30, 30, {64}));
  values[3] = NAN;
  values[4] = INFINITY;
  values[5] = 3.4e38f;
  const at::Tensor wanted = values.to(at::kBFloat16);
  std::uint16_t halves[64];
  for (int i = 0; i < 32; i += simd::kWidth) {
    simd::Floats part;
    simd::load(values.const_data_ptr<float>() + i, part);
    simd::store(part, halves + i);
  }
  for (int i = 32; i < 64; ++i) simd::narrow(values[i].item<float>(), halves + i);
  const auto* bits = static_cast<const std::uint16_t*>(wanted.const_data_ptr());
  for (int i = 0; i < 64; ++i)
    if (i == 3)
      CHECK(std::isnan(simd::widen(halves[i])));
    else
      CHECK(halves[i] == bits[i]);
}

}  // namespace hft::test
