#include "core/quant/int8_matrix.h"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <optional>

#include "core/base/error.h"
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

  Int8Matrix(const LlmInt8& rows, float threshold)
      : StoredMatrix(rows.outputs, rows.depth), threshold_(threshold), weights_(outputs, depth) {
    share_rows([&](std::int64_t o) { weights_.set(o, rows.codes + o * depth, rows.sizes[o]); });
    if (rows.mapped) give_back(rows.codes, outputs * depth);
  }

  Part product(Product p, const StoredMatrix* gated) const override {
    // Every part of the product reads the same whole numbers in place of x.
    const auto x = std::make_shared<const Int16Rows>(threshold_ ? quantise_rows_apart(p, *threshold_)
                                                                : quantise_rows(p));
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
    // LLM.int8() widens so, which is not a division by 127 to the last bit.
    if (threshold_) return (numbers * 7.874015718698502e-3f).to(type);
    return numbers.to(type);
  }

 private:
  static constexpr std::int64_t kRows = 64, kSmall = 1 << 18;
  struct Rows {
    Tensor numbers;
    std::int64_t first;
  };

  // Whole pages of a mapped file, which are read again if need be.
  static void give_back(const std::int8_t* codes, std::int64_t bytes) {
    constexpr std::uintptr_t kPage = 4096;
    const auto at = reinterpret_cast<std::uintptr_t>(codes), begin = (at + kPage - 1) / kPage * kPage,
               end = (at + bytes) / kPage * kPage;
    if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
  }

  template <class F>
  void share_rows(F&& f) const {
    std::atomic<std::int64_t> next = 0;
    on_each_core(outputs * depth < kSmall ? 1 : cores(), [&](int) {
      for (std::int64_t o; (o = next.fetch_add(kRows)) < outputs;)
        for (std::int64_t row = o; row < std::min(o + kRows, outputs); ++row) f(row);
    });
  }

  void take(const Rows& rows) {
    const Tensor floats = rows.numbers.to(at::kFloat).contiguous();
    for (std::int64_t i = 0; i < floats.size(0); ++i)
      weights_.set(rows.first + i, floats.const_data_ptr<float>() + i * depth);
  }

  std::optional<float> threshold_;  // of LLM.int8()
  Int8Weights weights_;
};

}  // namespace

std::shared_ptr<const StoredMatrix> int8_matrix(const Slices& slices) {
  return std::make_shared<Int8Matrix>(slices);
}

LlmInt8 llm_int8(const Tensor& weight, const std::string& what) {
  const Tensor numbers = weight.to(at::kHalf).to(at::kFloat).contiguous();
  if (!at::isfinite(numbers).all().item<bool>())
    fail(Errc::kBadData, what, ": a weight is NaN or beyond 65504, wanted numbers that LLM.int8() can hold");
  struct Owner {
    Tensor codes, sizes;
  };
  Tensor sizes = std::get<0>(numbers.abs().max(1));  // [O]
  const Tensor codes = at::round(numbers * (127.0 / sizes.unsqueeze(1))).nan_to_num(0).to(at::kChar);
  const auto owner = std::make_shared<Owner>(Owner{codes, sizes});
  return {weight.size(0), weight.size(1), codes.const_data_ptr<std::int8_t>(),
          sizes.const_data_ptr<float>(), false, owner};
}

StoredRows llm_int8_rows(const LlmInt8& weight, float threshold) {
  return [=](std::int64_t first, std::int64_t count) -> std::shared_ptr<const StoredMatrix> {
    LlmInt8 rows = weight;
    rows.outputs = count;
    rows.codes += first * weight.depth;
    rows.sizes += first;
    return std::make_shared<Int8Matrix>(rows, threshold);
  };
}

}  // namespace hft
