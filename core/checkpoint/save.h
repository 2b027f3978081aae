// Writing of checkpoints, as save_pretrained writes them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "core/checkpoint/dtypes.h"

namespace hft {

// A tensor, and the type it is written in; another than its own only among floats (cast.h).
struct SavedTensor {
  std::string name;
  StoredTensor tensor;
  Dtype dtype;
  std::int64_t bytes() const { return tensor.count() * bits_of(dtype) / 8; }
};

struct Saved {
  std::int64_t files = 0, bytes = 0;
  std::vector<std::string> overflowed;  // tensors of which finite numbers became infinite
};

// Writes model.safetensors into the folder, or, when the tensors take more than `max_shard_bytes`,
// model-00001-of-0000N.safetensors … and model.safetensors.index.json; a tensor larger than that
// has a shard of its own. Names are in the order of their numbers (layer 2 before layer 10).
// `step` is called with the count of tensors written, and may throw.
Saved save_checkpoint(const std::filesystem::path& folder, std::vector<SavedTensor> tensors,
                      std::int64_t max_shard_bytes, const std::function<void(std::int64_t)>& step);

// The same into one file of any name, for tensors that are no model's.
void save_tensors(const std::filesystem::path& file, std::vector<SavedTensor> tensors);

}  // namespace hft
