// Each kernel against LibTorch's own operators in float64, in every instruction set there is.
#include <cmath>

#include "core/kernels/attention_kernel.h"
#include "core/kernels/norm_kernel.h"
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

TEST_CASE("norm kernel: equals layer_norm of the sum, for every width and type") {
  for (const auto type : {at::kFloat, at::kBFloat16})
    for (const int size : {1, 7, 16, 24, 33, 384, 768})
      for (const bool plain : {false, true}) {
        CAPTURE(size);
        const at::Tensor x = at::randn({5, size}).to(type),
                         residual = at::randn({5, size}).to(type);
        const at::Tensor weight = at::randn({size}).to(type), bias = at::randn({size}).to(type);
        const auto wide = [](const at::Tensor& t) { return t.to(at::kDouble); };
        const at::Tensor wanted =
            at::layer_norm(wide(x) + wide(residual), {size}, wide(weight), wide(bias), 1e-5);
        at::Tensor out = x.clone();
        (plain ? add_and_normalise_plain
               : add_and_normalise)({out.data_ptr(), residual.data_ptr(), weight.data_ptr(),
                                     bias.data_ptr(), 5, size, 1e-5, type == at::kBFloat16});
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
