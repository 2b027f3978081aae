#include "core/nn/twins.h"

#include <cstdlib>
#include <string_view>

namespace hft {

std::atomic<bool>& twins_forced() {
  static std::atomic<bool> forced = [] {
    const char* value = std::getenv("HFT_TWINS");
    return value && std::string_view(value) == "1";
  }();
  return forced;
}

}  // namespace hft
