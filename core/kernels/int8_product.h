// y = act(x W^T + b) in whole numbers: W of 8 bits with a scale for every kInt8Group numbers of an
// output's depth, x of 16 bits with a scale for each row, found when the product is computed. Sums of
// a group are exact, so that what is lost is the rounding of W, and no row depends on its company.
#pragma once

#include <memory>
#include <vector>

#include "core/kernels/product.h"

namespace hft {

inline constexpr std::int64_t kInt8Group = 64;
inline constexpr std::int64_t kInt8Panel = 16;  // outputs that lie side by side

// [O, K] as the kernel reads it: panels of 16 outputs, in which pairs along the depth stand together.
// What lacks to whole panels and pairs is 0.
struct Int8Weights {
  Int8Weights() = default;
  Int8Weights(std::int64_t outputs, std::int64_t depth);

  std::int64_t outputs = 0, depth = 0, pairs = 0, groups = 0;
  std::vector<std::int8_t> values;  // [panels, pairs, 16, 2]
  std::vector<float> scales;        // [panels, groups, 16]

  // Output o becomes the nearest to numbers [K]. Panels may be written by several threads.
  void set(std::int64_t o, const float* numbers);
  // Output o becomes codes [K] * scale, of which a product by quantise_rows_apart takes the 127th.
  void set(std::int64_t o, const std::int8_t* codes, float scale);
  void get(std::int64_t o, float* numbers) const;
};

// Rows of x, the nearest to them; scale NaN where a row holds a NaN or an infinity.
struct Int16Rows {
  std::int64_t stride = 0;                 // an even number: what lacks is 0
  std::unique_ptr<std::int16_t[]> values;  // [M + E, stride]
  std::vector<float> scales;               // [M + E]
  std::vector<std::int64_t> added_to;      // [E]: rows after the M whose products are added to theirs
};
Int16Rows quantise_rows(const Product& p, Processor row = processor());

// Rows as LLM.int8() has them (arXiv:2208.07339): 8 bits of each number below the threshold, and the
// others, of rows that have such, with 16 bits in a row of their own. Numbers are rounded to halves
// before. A threshold of 0: none is.
Int16Rows quantise_rows_apart(const Product& p, float threshold, Processor row = processor());

// Outputs [begin, end) of p, whose x and weights are x, weights and, where p.gated is set, *gated.
struct Int8Operands {
  const Int16Rows* x;
  const Int8Weights *weights, *gated;
};
void compute_int8_product(const Product& p, const Int8Operands& operands, std::int64_t begin,
                          std::int64_t end, Processor row = processor());

}  // namespace hft
