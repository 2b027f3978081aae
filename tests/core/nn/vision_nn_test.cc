// Convolutions, pooling and deformable attention: the kernels against their twins, and a picture
// against itself in company.
#include "core/nn/attention.h"
#include "core/nn/conv2d.h"
#include "core/nn/deformable_attention.h"
#include "core/nn/pooling.h"
#include "tests/core/nn/store.h"
#include "tests/core/nn/twins.h"

namespace hft::test {
namespace {

Cells some_cells(std::int64_t channels, std::vector<Grid> grids, at::ScalarType type) {
  std::int64_t count = 0;
  for (const Grid& grid : grids) count += grid.cells();
  return {at::randn({count, channels}).to(type), std::move(grids)};
}

}  // namespace

TEST_CASE("conv2d: the kernel gives what LibTorch's convolution gives, of any shape") {
  const std::vector<Grid> grids{{9, 7}, {5, 12}, {9, 7}};
  for (const auto type : {at::kFloat, at::kBFloat16, at::kHalf})
    for (const Conv2d::Shape s :
         {Conv2d::Shape{24, 40, 3, 1, 1}, {24, 16, 1, 2, 0}, {24, 72, 5, 2, 2}, {24, 24, 3, 1, 2, 2},
          {24, 24, 7, 1, 3, 1, 24}, {24, 24, 3, 1, 1, 1, 24}, {24, 48, 3, 1, 1, 1, 4}, {3, 20, 7, 2, 3}}) {
      const Weights w(store_of(
          {{"c.weight", at::randn({s.out, s.in / s.groups, s.kernel, s.kernel}) * 0.2},
           {"c.bias", at::randn({s.out})},
           {"n.weight", at::randn({s.out})},
           {"n.bias", at::randn({s.out})},
           {"n.running_mean", at::randn({s.out})},
           {"n.running_var", at::rand({s.out}) + 0.5}},
          type));
      CAPTURE(s.kernel);
      CAPTURE(s.groups);
      const Cells x = some_cells(s.in, grids, type);
      const Conv2d plain(w / "c", s), normed(w / "c", s, BatchNorm(w / "n", s.out, 1e-5));
      CHECK(apart([&] { return plain(x, Activation::kGelu).x; }) < 2 * tolerance(type));
      CHECK(apart([&] { return normed(x, Activation::kRelu).x; }) < 2 * tolerance(type));
      const Cells residual = plain(x).with(at::randn_like(plain(x).x));
      CHECK(apart([&] { return normed.plus(x, residual, Activation::kRelu).x; }) < 2 * tolerance(type));
    }
}

TEST_CASE("conv2d: a picture gives the same bits alone and in company") {
  const Weights w(store_of({{"c.weight", at::randn({40, 24, 3, 3})}, {"c.bias", at::randn({40})}}));
  const Conv2d conv(w / "c", {24, 40, 3, 2, 1});
  const Cells all = some_cells(24, {{9, 7}, {5, 12}, {31, 33}}, at::kFloat);
  const Cells together = conv(all);
  std::vector<Tensor> alone;
  for (std::int64_t b = 0; b < 3; ++b) alone.push_back(conv(cells_of_planes({all.plane(b)})).x);
  CHECK(at::equal(together.x, at::concat(alone)));
}

TEST_CASE("conv2d: a picture smaller than the convolution is refused") {
  const Weights w(store_of({{"c.weight", at::randn({4, 3, 5, 5})}, {"c.bias", at::randn({4})}}));
  const Conv2d conv(w / "c", {3, 4, 5});
  CHECK(error_of([&] { conv(some_cells(3, {{4, 9}}, at::kFloat)); }) ==
        "a picture of 4 x 9 cells is too small for a convolution of 5 x 5");
}

TEST_CASE("deformable attention: the kernel gives what grid_sampler gives, past the edges too") {
  const std::vector<Grid> levels{{3, 4}, {6, 5}, {1, 9}};
  for (const auto type : {at::kFloat, at::kBFloat16}) {
    const Tensor values = at::randn({51, 24}).to(type);
    const Tensor offsets = (at::randn({51, 2 * 3 * 4 * 2}) * 3).to(type);
    const Tensor weights = at::randn({51, 2 * 3 * 4}).to(type);
    CHECK(apart([&] { return attend_deformably(values, offsets, weights, levels, 2); }) <
          tolerance(type));
  }
}

TEST_CASE("deformable attention: rows that say where they look, inside and outside of a picture") {
  const std::vector<Grid> levels{{3, 4}, {6, 5}, {1, 9}};
  for (const auto type : {at::kFloat, at::kBFloat16}) {
    const Tensor values = at::randn({51, 24}).to(type);
    const Tensor places = at::rand({7, 2 * 3 * 4 * 2}) * 1.6 - 0.3;
    const Tensor weights = at::randn({7, 2 * 3 * 4}).to(type);
    CHECK(apart([&] { return attend_at(values, places, weights, levels, 2); }) < tolerance(type));
  }
  // The middle of the only cell of a level is that cell.
  const Tensor one = at::tensor({3.0f, -2.0f}).view({1, 2});
  CHECK(at::allclose(attend_at(one, at::full({1, 2}, 0.5), at::zeros({1, 1}), std::vector<Grid>{Grid{1, 1}}, 1), one));
}

TEST_CASE("attention across: other keys than queries, of several sequences, with biases") {
  for (const auto type : {at::kFloat, at::kBFloat16, at::kHalf}) {
    const Tensor q = at::randn({9, 24}).to(type), kv = at::randn({150, 48}).to(type);
    Sequences queries, keys;
    queries.starts = {0, 2, 9};
    keys.starts = {0, 120, 150};
    CHECK(apart([&] { return attend_across(q, kv, 3, queries, keys); }) < tolerance(type));
    std::vector<Tensor> biases{at::randn({2, 120}), at::randn({7, 30})};
    biases[1].select(1, 3).fill_(-1e30);
    CHECK(apart([&] { return attend_across(q, kv, 3, queries, keys, biases); }) < tolerance(type));
  }
}

}  // namespace hft::test
