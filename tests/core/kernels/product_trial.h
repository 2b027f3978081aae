// One product of random numbers of every type, without LibTorch.
#pragma once

#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "core/kernels/product_rows.h"
#include "core/kernels/simd.h"
#include "tests/support/test.h"

namespace hft::test {

// Numbers of a type, random ones of bfloat16 and of float16 by their bits.
inline std::vector<std::uint32_t> numbers(std::int64_t count, Number type) {
  static std::mt19937 draw(7);
  std::normal_distribution<float> normal(0, 0.5f);
  std::vector<std::uint32_t> memory(count + 1);
  auto* halves = reinterpret_cast<std::uint16_t*>(memory.data());
  for (std::int64_t i = 0; i < count; ++i) {
    const float x = normal(draw);
    if (type == Number::kFloat)
      std::memcpy(&memory[i], &x, sizeof x);
    else if (type == Number::kBFloat16)
      simd::narrow(x, halves + i);
    else  // a sign, an exponent of 2^-8 to 2^-1 and ten bits of fraction
      halves[i] = static_cast<std::uint16_t>((draw() & 0x83ff) | (7 + draw() % 8) << 10);
  }
  return memory;
}

// A product of float32; its weight is yet to be named.
inline Product product_of(const void* x, std::int64_t x_stride, float* y, std::int64_t y_stride,
                          std::int64_t rows, std::int64_t depth, std::int64_t outputs) {
  return {.x = x,
          .x_stride = x_stride,
          .weight = nullptr,
          .bias = nullptr,
          .y = y,
          .y_stride = y_stride,
          .rows = rows,
          .depth = depth,
          .outputs = outputs,
          .x_type = Number::kFloat,
          .weight_type = Number::kFloat,
          .y_type = Number::kFloat,
          .bias_type = Number::kFloat};
}

// One product, by compute(p, begin, end, scratch) and by plain loops; where it is exact, rows one by
// one too.
struct ProductTrial {
  std::int64_t rows, depth, outputs;
  Number x_type, weight_type;
  bool transposed, exact;

  template <class F>
  void check(F&& compute) const {
    CAPTURE(rows);
    CAPTURE(depth);
    CAPTURE(outputs);
    CAPTURE(transposed);
    const auto x = numbers(rows * depth, x_type), w = numbers(depth * outputs, weight_type);
    std::vector<float> y(rows * outputs), alone(rows * outputs);
    std::vector<double> wanted(rows * outputs);
    Product p = product_of(x.data(), depth, y.data(), outputs, rows, depth, outputs);
    p.x_type = x_type;
    p.weight = w.data();
    p.weight_type = weight_type;
    p.weight_stride = transposed ? outputs : 0;
    p.activation = Activation::kGelu;
    p.row_exact = exact;
    compute_product_loops(p, wanted.data());
    std::vector<float> memory(kPanelFloats + rows * kOutputStep);
    const ProductScratch scratch{memory.data(), memory.data() + kPanelFloats};
    compute(p, 0, outputs, scratch);
    double worst = 0, largest = 1;
    for (std::size_t i = 0; i < y.size(); ++i) {
      worst = std::max(worst, std::abs(y[i] - wanted[i]));
      largest = std::max(largest, std::abs(wanted[i]));
    }
    CHECK(worst < 1e-5 * largest);
    if (!exact) return;
    p.rows = 1;
    for (std::int64_t i = 0; i < rows; ++i) {
      p.x = reinterpret_cast<const char*>(x.data()) + i * depth * bytes_of(x_type);
      p.y = alone.data() + i * outputs;
      compute(p, 0, outputs, scratch);
    }
    CHECK(alone == y);
  }
};

// Products of every type and of numbers of rows, depths and outputs around the edges of tiles.
template <class F>
void check_products(F&& compute) {
  for (const Number x : {Number::kFloat, Number::kBFloat16})
    for (const Number w : {Number::kFloat, Number::kBFloat16, Number::kHalf})
      for (const bool transposed : {false, true})
        for (const bool exact : {false, true})
          for (const std::int64_t rows : {1, 2, 5, 6, 7, 20}) {
            for (const std::int64_t depth : {7, 33, 300})
              ProductTrial{rows, depth, 81, x, w, transposed, exact}.check(compute);
            for (const std::int64_t outputs : {5, 16, 64})
              ProductTrial{rows, 70, outputs, x, w, transposed, exact}.check(compute);
          }
}

}  // namespace hft::test
