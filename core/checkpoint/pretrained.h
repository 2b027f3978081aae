// A model folder as save_pretrained would write it again.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/checkpoint/save.h"

namespace hft {

struct Pretrained {
  nlohmann::json config;  // sorted, with the type of the weights as "dtype"
  std::vector<SavedTensor> tensors;
  std::vector<std::string> left_out;  // names that loading ties to others, or computes
};

// Floats are to be written as `dtype`, if there is one. Tied weights are kept once, old names of
// layer norms become the present ones. Throws kUnsupported when the types of a quantised model would
// change.
Pretrained pretrained_of(const Fields& config, const StoredTensors& tensors,
                         std::optional<Dtype> dtype);

// The same of a folder; throws as open_checkpoint does, too.
Pretrained read_pretrained(const std::filesystem::path& folder, const std::string& variant,
                           std::optional<Dtype> dtype);

}  // namespace hft
