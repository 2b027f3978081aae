#include "core/quant/stored_matrix.h"

#include "core/quant/int8_matrix.h"

namespace hft {
namespace {

// Numbers of a checkpoint where they are.
class DenseMatrix : public StoredMatrix {
 public:
  explicit DenseMatrix(Tensor numbers)
      : StoredMatrix(numbers.size(0), numbers.size(1)), numbers_(std::move(numbers)) {}

  Part product(Product p, const StoredMatrix* gated) const override {
    p.weight = numbers_.const_data_ptr();
    p.weight_type = number_of(numbers_);
    p.weight_stride = numbers_.is_contiguous() ? 0 : numbers_.stride(1);
    if (gated) {
      const Tensor& other = static_cast<const DenseMatrix*>(gated)->numbers_;
      p.gated = other.const_data_ptr();
      p.gated_type = number_of(other);
    }
    return [p](std::int64_t begin, std::int64_t end) { compute_product(p, begin, end); };
  }
  Tensor dense(at::ScalarType type) const override { return numbers_.to(type); }

 private:
  Tensor numbers_;  // {outputs, depth}, contiguous or transposed
};

// Fewer numbers in a row or fewer rows are not worth their scales.
constexpr std::int64_t kFewest = 32;

bool worth_it(const Slices& slices) {
  std::int64_t outputs = 0;
  for (const Tensor& slice : slices) outputs += slice.size(0);
  return outputs >= kFewest && slices[0].size(1) >= kFewest && slices[0].is_cpu() &&
         !slices[0].requires_grad();
}

}  // namespace

StoredMatrices stored_matrices(const Slices& slices, Quantize how) {
  if (how == Quantize::kDynamic && worth_it(slices)) return {int8_matrix(slices)};
  StoredMatrices all;
  for (const Tensor& slice : slices) all.push_back(std::make_shared<DenseMatrix>(slice));
  return all;
}

Number number_of(const Tensor& tensor) {
  return tensor.scalar_type() == at::kFloat  ? Number::kFloat
         : tensor.scalar_type() == at::kHalf ? Number::kHalf
                                             : Number::kBFloat16;
}

}  // namespace hft
