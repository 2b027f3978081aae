// A shape as errors show it.
#pragma once

#include <string>

#include "core/nn/tensor.h"

namespace hft {

// "[12, 9]"
inline std::string shape_text(at::IntArrayRef shape) {
  std::string text;
  for (const auto size : shape) text += (text.empty() ? "" : ", ") + std::to_string(size);
  return "[" + text + "]";
}

}  // namespace hft
