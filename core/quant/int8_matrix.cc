#include "core/quant/int8_matrix.h"

#include <algorithm>
#include <atomic>

#include "core/kernels/int8_product.h"
#include "core/nn/workers.h"

namespace hft {
namespace {

std::int64_t rows_of(const Slices& slices) {
  std::int64_t rows = 0;
  for (const Tensor& slice : slices) rows += slice.size(0);
  return rows;
}

class Int8Matrix : public StoredMatrix {
 public:
  explicit Int8Matrix(const Slices& slices)
      : StoredMatrix(rows_of(slices), slices[0].size(1)), weights_(outputs, depth) {
    std::vector<Rows> all;
    std::int64_t first = 0;
    for (const Tensor& slice : slices) {
      for (std::int64_t row = 0; row < slice.size(0); row += kRows)
        all.push_back({slice.narrow(0, row, std::min(kRows, slice.size(0) - row)), first + row});
      first += slice.size(0);
    }
    std::atomic<std::size_t> next = 0;
    on_each_core(outputs * depth < kSmall ? 1 : cores(), [&](int) {
      for (std::size_t i; (i = next++) < all.size();) take(all[i]);
    });
  }

  Part product(Product p, const StoredMatrix* gated) const override {
    // Every part of the product reads the same whole numbers in place of x.
    const auto x = std::make_shared<const Int16Rows>(quantise_rows(p));
    const auto* other = gated ? &static_cast<const Int8Matrix*>(gated)->weights_ : nullptr;
    p.gated = other;
    return [this, p, x, other](std::int64_t begin, std::int64_t end) {
      compute_int8_product(p, {x.get(), &weights_, other}, begin, end);
    };
  }

  Tensor dense(at::ScalarType type) const override {
    const Tensor numbers = at::empty({outputs, depth}, at::kFloat);
    for (std::int64_t o = 0; o < outputs; ++o)
      weights_.get(o, numbers.data_ptr<float>() + o * depth);
    return numbers.to(type);
  }

 private:
  static constexpr std::int64_t kRows = 64, kSmall = 1 << 18;
  struct Rows {
    Tensor numbers;
    std::int64_t first;
  };

  void take(const Rows& rows) {
    const Tensor floats = rows.numbers.to(at::kFloat).contiguous();
    for (std::int64_t i = 0; i < floats.size(0); ++i)
      weights_.set(rows.first + i, floats.const_data_ptr<float>() + i * depth);
  }

  Int8Weights weights_;
};

}  // namespace

std::shared_ptr<const StoredMatrix> int8_matrix(const Slices& slices) {
  return std::make_shared<Int8Matrix>(slices);
}

}  // namespace hft
