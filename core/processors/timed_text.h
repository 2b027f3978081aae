// A piece of what was said, and when.
#pragma once

#include <optional>
#include <string>

namespace hft {

struct TimedText {
  std::string text;
  std::optional<double> start = {}, end = {};  // seconds
};

}  // namespace hft
