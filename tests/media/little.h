// Numbers as most formats of pictures and sounds have them.
#pragma once

#include <cstdint>
#include <string>

namespace hft::test {

// The lowest byte first.
inline std::string little(std::uint64_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> 8 * i);
  return out;
}

}  // namespace hft::test
