// One sound as its feature extractor made it, for the models that hear.
#pragma once

#include <cstdint>

namespace hft {

// [frames, bins], or of each part [parts, frames, bins]; bins 1: the samples themselves.
struct SoundView {
  const float* data = nullptr;
  std::int64_t frames = 0, bins = 1, parts = 1;
};

}  // namespace hft
