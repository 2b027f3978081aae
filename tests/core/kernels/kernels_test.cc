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
  return (got.to(at::kDouble) - wanted).abs().max().item<double>();
}

struct Exponential {
  [[gnu::always_inline]] static inline void run(const float* from, float* to) {
    simd::Floats x;
    simd::load(from, x);
    simd::store(simd::exp_of_negative(x), to);
  }
};

}  // namespace

TEST_CASE("product kernel: equals the plain loops for every type, number of rows and depth") {
  if (!has_product_kernel()) return;
  const std::pair<at::ScalarType, Number> types[] = {
      {at::kFloat, Number::kFloat}, {at::kBFloat16, Number::kBFloat16}, {at::kHalf, Number::kHalf}};
  const Epilogue epilogues[] = {Epilogue::kNone, Epilogue::kGelu, Epilogue::kGeluTanh,
                                Epilogue::kRelu, Epilogue::kSilu};
  int turn = 0;
  for (const auto& [x_at, x_type] : {types[0], types[1]})
    for (const auto& [w_at, w_type] : types)
      for (const int rows : {1, 2, 3, 4, 7, 16, 17, 23})
        for (const int depth : {2, 30, 64, 130, 2600})
          for (const int outputs : {1, 5, 70}) {
            CAPTURE(rows);
            CAPTURE(depth);
            CAPTURE(outputs);
            const auto epilogue = epilogues[++turn % 5];
            const bool gated = turn % 3 == 0, added = turn % 2 == 0;
            const auto& [y_at, y_type] = types[turn % 3];
            const at::Tensor x = at::randn({rows, depth + 2}).to(x_at);
            const at::Tensor w = (at::randn({outputs, depth}) * 0.1).to(w_at);
            const at::Tensor up = (at::randn({outputs, depth}) * 0.1).to(w_at);
            const at::Tensor bias = at::randn({outputs}).to(x_at);
            at::Tensor y = at::randn({rows, outputs + 3}).to(y_at);
            const at::Tensor before = y.clone();
            Product p{.x = x.const_data_ptr(),
                      .x_stride = depth + 2,
                      .weight = w.const_data_ptr(),
                      .bias = turn % 7 ? bias.const_data_ptr() : nullptr,
                      .y = y.data_ptr(),
                      .y_stride = outputs + 3,
                      .rows = rows,
                      .depth = depth,
                      .outputs = outputs,
                      .x_type = x_type,
                      .weight_type = w_type,
                      .y_type = y_type,
                      .bias_type = x_type,
                      .epilogue = epilogue};
            if (gated) p.gated = up.const_data_ptr();
            if (added) p.residual = y.const_data_ptr();
            at::Tensor wanted = at::empty({rows, outputs}, at::kDouble);
            compute_product_plain(p, wanted.data_ptr<double>());
            compute_product(p, 0, outputs / 2);
            compute_product(p, outputs / 2, outputs);
            const double size = wanted.abs().max().item<double>() + 1;
            const bool rounds =
                y_type != Number::kFloat || (x_type != w_type && x_at != at::kFloat);
            CHECK(worst(y.narrow(1, 0, outputs), wanted) < size * (rounds ? 2e-2 : 1e-5));
            CHECK(at::equal(y.narrow(1, outputs, 3), before.narrow(1, outputs, 3)));
          }
}

TEST_CASE("product kernel: NaN and infinity pass through every epilogue") {
  if (!has_product_kernel()) return;
  const at::Tensor w = at::ones({3, 4});
  for (const int rows : {1, 20})
    for (const auto epilogue : {Epilogue::kNone, Epilogue::kGelu, Epilogue::kGeluTanh,
                                Epilogue::kRelu, Epilogue::kSilu}) {
      at::Tensor x = at::ones({rows, 4}), y = at::zeros({rows, 3});
      x[0][2] = NAN;
      compute_product({.x = x.const_data_ptr(),
                       .x_stride = 4,
                       .weight = w.const_data_ptr(),
                       .y = y.data_ptr(),
                       .y_stride = 3,
                       .rows = rows,
                       .depth = 4,
                       .outputs = 3,
                       .epilogue = epilogue},
                      0, 3);
      CHECK(at::isnan(y[0]).all().item<bool>());
      if (rows > 1) CHECK(!at::isnan(y[1]).any().item<bool>());
    }
}

TEST_CASE("attention kernel: equals softmax(Q K^T / sqrt(E) + bias) V for every length and size") {
  for (const auto type : {at::kFloat, at::kBFloat16})
    for (const int size : {1, 8, 15, 16, 32, 40, 64, 80})
      for (const int tokens : {1, 2, 3, 4, 5, 15, 16, 17, 33, 64, 100}) {
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
          (plain ? normalise_plain
                 : normalise)({x.data_ptr(), out.data_ptr(), summed ? residual.data_ptr() : nullptr,
                               weight.data_ptr(), bias.data_ptr(), 5, size, 1e-5,
                               type == at::kBFloat16});
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
