// Tells whether bytes are the same as before: 128 bits of all of them, at the speed of memory. No
// protection against somebody who looks for two texts of one digest (hub/net has SHA-256).
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace hft {

struct Digest {
  std::uint64_t high = 0, low = 0;
  auto operator<=>(const Digest&) const = default;
  std::string text() const;  // 32 hexadecimal digits
};

Digest digest_of(std::string_view bytes);

}  // namespace hft
