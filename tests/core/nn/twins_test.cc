// Each hand kernel gives what its twin of LibTorch's operators gives.
#include <algorithm>
#include <cmath>

#include "core/nn/attention.h"
#include "core/nn/linear.h"
#include "core/nn/norm.h"
#include "core/nn/rope.h"
#include "tests/core/nn/store.h"
#include "tests/core/nn/twins.h"

namespace hft::test {
namespace {

constexpr at::ScalarType kTypes[] = {at::kFloat, at::kBFloat16, at::kHalf};

}  // namespace

TEST_CASE("twins: products, gated and added to a residual, in float32 too") {
  for (const auto type : kTypes) {
    const Weights w(store_of({{"gate.weight", at::randn({20, 24}) * 0.3},
                              {"up.weight", (at::randn({20, 24}) * 0.3).to(at::kHalf)},
                              {"gate.bias", at::randn({20})}},
                             type));
    const Linear plain(w / "gate", {20, 24});
    const Linear gated = Linear::gated(w, {{{"gate", 20}, {"up", 20}}}, 24, Activation::kGelu);
    for (const int rows : {1, 30}) {
      const Tensor x = at::randn({rows, 24}).to(type), added = at::randn({rows, 20}).to(type);
      for (int i = 0; i <= static_cast<int>(Activation::kLaplace); ++i) {
        CAPTURE(i);
        CHECK(apart([&] { return plain(x, static_cast<Activation>(i)); }) < 2 * tolerance(type));
      }
      CHECK(apart([&] { return gated(x); }) < 2 * tolerance(type));
      CHECK(apart([&] { return plain.plus(x, added.clone()); }) < 2 * tolerance(type));
      CHECK(apart([&] { return plain.in_float(x); }) < 2 * tolerance(type));
    }
  }
}

TEST_CASE("twins: norms of rows, of sums and of heads") {
  for (const auto type : kTypes) {
    const Weights w(store_of({{"weight", at::randn({24})}, {"bias", at::randn({24})}}, type));
    const LayerNorm layer(w, 24, 1e-5);
    const RmsNorm root(w, 24, 1e-6, 1);
    for (const int rows : {1, 5}) {
      const Tensor x = at::randn({rows, 24}).to(type), added = at::randn({rows, 24}).to(type);
      const Tensor wide = at::randn({rows, 5 * 24}).to(type);
      CHECK(apart([&] { return layer(x); }) < tolerance(type));
      CHECK(apart([&] { return layer(x.clone(), added); }) < tolerance(type));
      CHECK(apart([&] { return root(x); }) < tolerance(type));
      CHECK(apart([&] {
              Tensor turned = wide.clone();
              root.heads(turned, 24, 3);
              return turned.to(type);
            }) < tolerance(type));
    }
  }
}

TEST_CASE("twins: rotary positions turn a part of each head's numbers") {
  for (const auto type : kTypes)
    for (const int turning : {4, 6, 40}) {
      const Tensor qkv = at::randn({5, 4 * 40}).to(type), angles = at::randn({5, turning});
      CHECK(apart([&] {
              Tensor turned = qkv.clone();
              Rope::rotate(turned, angles, 3, 40);
              return turned.to(type);
            }) < tolerance(type));
    }
}

TEST_CASE("twins: attention inside sequences, with biases of both forms and windows") {
  for (const auto type : kTypes) {
    Sequences seqs;
    seqs.starts = {0, 7, 8, 60};
    const Tensor qkv = at::randn({60, 3 * 2 * 12}).to(type);
    for (const std::int64_t window : {0, 1, 5, 40}) {
      CAPTURE(window);
      CHECK(apart([&] { return attend(qkv, 2, seqs, {.window = window}); }) < tolerance(type));
      for (const Tensor& bias : {at::randn({2, 55, 55}), at::randn({2, 2 * 70 - 1})})
        CHECK(apart([&] {
                return attend(qkv, 2, seqs, {.bias = bias, .scale = 0.3, .window = window});
              }) < tolerance(type));
    }
  }
}

TEST_CASE("twins: attention to what is cached, with windows, caps and biases, and to sources") {
  for (const auto type : {at::kFloat, at::kBFloat16})
    for (const std::int64_t window : {0, 20})
      for (const bool capped : {false, true})
        for (const bool biased : {false, true}) {
          CAPTURE(window);
          const int bits = window > 0 ? biased ? 4 : 8 : 0;  // of the cache
          const std::int64_t heads = biased ? 2 : 4, kv = 2, size = 10;
          const CausalAttention a{0, heads, 0.4, capped ? 3.0 : 0};
          const Tensor bias = biased ? at::randn({heads, 2 * 200 - 1}) : Tensor();
          const Tensor qkv = at::randn({92, (heads + 2 * kv) * size}).to(type);
          CHECK(apart([&] {
                  KvCache cache({{kv, size, window}}, type, false, {bits, 0});
                  const int first = cache.open(), second = cache.open();
                  std::vector<Tensor> parts;
                  const auto pass = [&](std::vector<Step> steps, std::int64_t begin,
                                        std::int64_t count) {
                    Steps all;
                    all.cache = &cache;
                    for (const auto& step : steps) cache.extend(step.sequence, step.count);
                    all.steps = std::move(steps);
                    parts.push_back(attend_causal(qkv.narrow(0, begin, count), a, all, bias));
                    for (const auto& step : all.steps) cache.advance(step.sequence, step.count);
                  };
                  pass({{first, 0, 70, 0, 70}, {second, 70, 1, 0, 1}}, 0, 71);
                  pass({{first, 0, 1, 70, 71}, {second, 1, 20, 1, 21}}, 71, 21);
                  return at::concat(parts);
                }) < tolerance(type));
        }
}

}  // namespace hft::test
