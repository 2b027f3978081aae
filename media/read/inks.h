// Cyan, magenta, yellow and black to RGB, as Pillow converts them.
#pragma once

#include <cstdint>

namespace hft::media {

inline void inks_to_rgb(const std::uint8_t* inks, std::uint8_t* rgb) {
  const int light = 255 - inks[3];
  for (int c = 0; c < 3; ++c) {
    const int product = inks[c] * light + 128;
    rgb[c] = static_cast<std::uint8_t>(light - (((product >> 8) + product) >> 8));
  }
}

}  // namespace hft::media
