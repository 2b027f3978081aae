#include "core/quant/tensor_view.h"

#include <algorithm>
#include <vector>


namespace hft {

Bytes bytes_of(const StoredTensor& tensor) {
  const std::size_t size = std::max<std::int64_t>(1, bits_of(tensor.dtype) / 8);
  if (reinterpret_cast<std::uintptr_t>(tensor.bytes.data()) % size == 0)
    return {tensor.bytes.data(), tensor.file};
  const auto copy = std::make_shared<std::vector<std::byte>>(tensor.bytes.begin(), tensor.bytes.end());
  return {copy->data(), copy};
}

void wrong_codes(const CodedModule& module, const std::string& end, const std::string& what) {
  fail(Errc::kBadData, module.where, end, ": ", what);
}

void need_shape(const CodedModule& module, const std::string& end, const StoredTensor& tensor,
                std::span<const std::int64_t> shape) {
  if (!std::ranges::equal(tensor.shape, shape))
    wrong_codes(module, end,
                "is " + shape_text(tensor.shape) + ", wanted " +
                    shape_text({shape.data(), shape.size()}) + " for a weight of " +
                    shape_text({module.outputs, module.depth}));
}

void need_type(const CodedModule& module, const std::string& end, const StoredTensor& tensor,
               std::initializer_list<Dtype> types) {
  if (std::ranges::count(types, tensor.dtype) > 0) return;
  std::string wanted;
  for (const Dtype type : types) wanted += (wanted.empty() ? "" : " or ") + std::string(name_of(type));
  wrong_codes(module, end, "is stored as " + std::string(name_of(tensor.dtype)) + ", wanted " + wanted);
}

const StoredTensor& needed(const CodedModule& module, const FindTensor& find, const std::string& end) {
  const StoredTensor* found = find(end);
  if (!found) wrong_codes(module, end, "is missing, and the weight's codes mean nothing without it");
  return *found;
}

}  // namespace hft
