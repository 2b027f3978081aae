// Which position turns which pair of numbers where tokens have a time, a row and a column, in both
// styles of mrope_section.
#include "core/nn/rope.h"

#include <cmath>

#include "tests/support/test.h"

namespace hft::test {
namespace {

Rope rope_of(Json scaling) {
  return Rope(Fields({{"rope_scaling", std::move(scaling)}}, "config.json"), 16);
}

// The position by which the cosines of a token at (2, 30, 400) say its pairs turn.
std::vector<int> positions(const Rope& rope) {
  Steps steps;
  steps.steps = {{.count = 1, .past = 7, .total = 8}};
  steps.ids = at::zeros({1}, at::kLong);
  steps.axes = at::tensor(std::vector<std::int64_t>{2, 30, 400}, at::kLong).view({1, 3});
  const at::Tensor angles = rope.angles(steps);
  std::vector<int> found;
  for (int j = 0; j < 8; ++j)
    for (const int position : {2, 30, 400}) {
      const float turn = static_cast<float>(position) / std::pow(10000.0f, static_cast<float>(2 * j) / 16.0f);
      if (std::abs(std::cos(turn) - angles[0][j].item<float>()) < 1e-5 &&
          std::abs(std::sin(turn) - angles[0][8 + j].item<float>()) < 1e-5)
        found.push_back(position);
    }
  return found;
}

}  // namespace

TEST_CASE("rope: sections turn by time, row and column, one after the other or in turns") {
  CHECK(positions(rope_of({{"type", "mrope"}, {"mrope_section", {4, 2, 2}}})) ==
        std::vector<int>{2, 2, 2, 2, 30, 30, 400, 400});
  CHECK(positions(rope_of({{"rope_type", "default"}, {"mrope_section", {4, 2, 2}}, {"mrope_interleaved", true}})) ==
        std::vector<int>{2, 30, 400, 2, 30, 400, 2, 2});
  CHECK(error_of([] { rope_of({{"type", "mrope"}, {"mrope_section", {4, 2, 1}}}); }) ==
        "config.json: rope_scaling: 'mrope_section' is [4, 2, 1], but a head has 8 pairs of numbers to turn");
}

TEST_CASE("rope: what follows pictures turns by its shifted position, without axes") {
  const Rope rope = rope_of({{"type", "mrope"}, {"mrope_section", {4, 2, 2}}});
  Steps shifted, plain;
  shifted.steps = {{.count = 3, .past = 20, .total = 23, .shift = -9}};
  plain.steps = {{.count = 3, .past = 11, .total = 14}};
  shifted.ids = plain.ids = at::zeros({3}, at::kLong);
  CHECK(rope.angles(shifted).equal(rope.angles(plain)));
}

}  // namespace hft::test
