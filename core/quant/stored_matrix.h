// How a weight {outputs, depth} lies in memory and what it can do there. A product asks no more of it,
// so that another way to store weights is another file beside this one.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "core/kernels/product.h"
#include "core/nn/tensor.h"

namespace hft {

class StoredMatrix {
 public:
  StoredMatrix(std::int64_t outputs, std::int64_t depth) : outputs(outputs), depth(depth) {}
  StoredMatrix(const StoredMatrix&) = delete;
  StoredMatrix& operator=(const StoredMatrix&) = delete;
  virtual ~StoredMatrix() = default;

  const std::int64_t outputs, depth;

  // Computes outputs [begin, end) of one product, on whatever thread; once each.
  using Part = std::function<void(std::int64_t begin, std::int64_t end)>;
  // p, which says everything but its weights, by this matrix and, not null, by `gated`, which is
  // stored alike.
  virtual Part product(Product p, const StoredMatrix* gated) const = 0;
  // {outputs, depth} in this type.
  virtual Tensor dense(at::ScalarType type) const = 0;
};

// Outputs [first, first + count) of a weight that is stored as a whole.
using StoredRows =
    std::function<std::shared_ptr<const StoredMatrix>(std::int64_t first, std::int64_t count)>;

// One below the other they are a weight.
using StoredMatrices = std::vector<std::shared_ptr<const StoredMatrix>>;

// Rows of one weight as a checkpoint has them, which lie together in memory or, transposed, side by
// side.
using Slices = std::vector<Tensor>;

// What is done to weights when they are loaded.
enum class Quantize {
  kNone,     // they are computed with where the checkpoint has them
  kDynamic,  // 8 bits, and 16 for what they are multiplied by (core/kernels/int8_product.h)
  kNf4,      // 4 bits as bitsandbytes has them (core/quant/four_bit.h)
  kFp4,
  kLlmInt8,  // 8 bits as bitsandbytes has them (core/quant/int8_matrix.h)
};
StoredMatrices stored_matrices(const Slices& slices, Quantize how);  // how: kNone or kDynamic

// float, bfloat16 and float16 only.
Number number_of(const Tensor& tensor);

}  // namespace hft
