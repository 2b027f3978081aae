// One picture as its processor made it, for the models that see.
#pragma once

#include <cstdint>

namespace hft {

// [C,H,W]; or tiles of it, [T,C,H,W], of which the first shows the whole.
struct PictureView {
  std::int64_t channels = 0, height = 0, width = 0;
  const float* data = nullptr;
  std::int64_t tiles = 1;
  std::int64_t whole_height = 0, whole_width = 0;  // of the picture that was given
};

}  // namespace hft
