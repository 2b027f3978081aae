// Weights of tensors at hand, for the tests of nn.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/nn/weights.h"
#include "tests/core/worst.h"

namespace hft::test {

// A checkpoint of one file with these tensors.
inline std::shared_ptr<WeightStore> store_of(const std::map<std::string, at::Tensor>& tensors,
                                      at::ScalarType dtype = at::kFloat, Renames renames = {}) {
  StoredTensors stored;
  static std::vector<at::Tensor> kept;  // stands in for the mapped file
  for (const auto& [name, tensor] : tensors) {
    kept.push_back(tensor.contiguous());
    const at::Tensor& t = kept.back();
    const Dtype type = t.scalar_type() == at::kHalf       ? Dtype::kF16
                       : t.scalar_type() == at::kBFloat16 ? Dtype::kBF16
                       : t.scalar_type() == at::kLong     ? Dtype::kI64
                                                          : Dtype::kF32;
    stored[name] = {type,
                    t.sizes().vec(),
                    {static_cast<const std::byte*>(t.data_ptr()), t.nbytes()},
                    std::make_shared<MappedFile>("/proc/self/exe")};
  }
  return std::make_shared<WeightStore>("here", std::move(stored), std::move(renames), dtype,
                                       at::kCPU);
}

}  // namespace hft::test
