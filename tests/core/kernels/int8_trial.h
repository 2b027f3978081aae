// One product in whole numbers of random ones, and what plain loops make of it.
#pragma once

#include <cmath>
#include <random>
#include <vector>

#include "core/kernels/int8_product.h"
#include "tests/core/kernels/product_trial.h"

namespace hft::test {

class Int8Trial {
 public:
  // `turn` chooses among the forms of a product.
  Int8Trial(int rows, int depth, int outputs, int turn)
      : rows_(rows),
        depth_(depth),
        outputs_(outputs),
        halves_(turn % 2 == 0),
        gated_(turn % 3 == 0),
        added_(turn % 4 == 1),
        activation_(turn % 5 == 0 ? Activation::kNone : Activation::kGelu),
        bias_(numbers(outputs)),
        x_(numbers(std::max(rows, 1) * x_stride())),
        y_(numbers(std::max(rows, 1) * y_stride())),
        before_(y_),
        weights_(outputs, depth),
        gate_(outputs, depth) {
    x_halves_.resize(x_.size());
    for (std::size_t i = 0; i < x_.size(); ++i) simd::narrow(x_[i], &x_halves_[i]);
    for (int o = 0; o < outputs; ++o) {
      weights_.set(o, numbers(depth).data());
      gate_.set(o, numbers(depth).data());
    }
  }

  int x_stride() const { return depth_ + 2; }
  int y_stride() const { return outputs_ + 3; }
  const float* got(int row) const { return y_.data() + row * y_stride(); }
  const float* added(int row) const { return before_.data() + row * y_stride(); }

  Product product() {
    Product p = product_of(halves_ ? static_cast<const void*>(x_halves_.data()) : x_.data(),
                           x_stride(), y_.data(), y_stride(), rows_, depth_, outputs_);
    if (halves_) p.x_type = Number::kBFloat16;
    p.bias = bias_.data();
    p.activation = activation_;
    if (gated_) p.gated = &gate_;
    if (added_) p.residual = y_.data();
    return p;
  }
  Int8Operands operands(const Int16Rows& x) const {
    return {&x, &weights_, gated_ ? &gate_ : nullptr};
  }

  // compute(p, operands, begin, end) beside the plain loops over the rounded numbers.
  template <class F>
  void check(F&& compute) {
    CAPTURE(rows_);
    CAPTURE(depth_);
    CAPTURE(outputs_);
    Product p = product();
    const Int16Rows x = quantise_rows(p);
    std::vector<float> left(rows_ * depth_), right(outputs_ * depth_), other(outputs_ * depth_);
    for (int m = 0; m < rows_; ++m)
      for (int k = 0; k < depth_; ++k) left[m * depth_ + k] = x.values[m * x.stride + k] * x.scales[m];
    for (int o = 0; o < outputs_; ++o) {
      weights_.get(o, right.data() + o * depth_);
      gate_.get(o, other.data() + o * depth_);
    }
    Product plain = p;
    plain.x = left.data(), plain.x_stride = depth_, plain.x_type = Number::kFloat;
    plain.weight = right.data();
    if (gated_) plain.gated = other.data();
    std::vector<double> wanted(rows_ * outputs_);
    compute_product_loops(plain, wanted.data());
    compute(p, operands(x), 0, outputs_ / 2);
    compute(p, operands(x), outputs_ / 2, outputs_);
    double worst = 0, largest = 1;
    for (int m = 0; m < rows_; ++m) {
      if (!halves_)  // x is rounded to one part in 65,000 of its largest number
        CHECK(std::abs(left[m * depth_] - x_[m * x_stride()]) < 1e-4);
      for (int o = 0; o < y_stride(); ++o) {
        if (o >= outputs_) {
          CHECK(got(m)[o] == added(m)[o]);
          continue;
        }
        worst = std::max(worst, std::abs(got(m)[o] - wanted[m * outputs_ + o]));
        largest = std::max(largest, std::abs(wanted[m * outputs_ + o]));
      }
    }
    CHECK(worst < 1e-5 * largest);
  }

 private:
  static std::vector<float> numbers(int count) {
    static std::mt19937 draw(7);
    std::normal_distribution<float> normal(0, 0.5f);
    std::vector<float> all(count);
    for (float& x : all) x = normal(draw);
    return all;
  }

  int rows_, depth_, outputs_;
  bool halves_, gated_, added_;
  Activation activation_;
  std::vector<float> bias_, x_, y_, before_;
  std::vector<std::uint16_t> x_halves_;
  Int8Weights weights_, gate_;
};

}  // namespace hft::test
