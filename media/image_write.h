// Pictures out.
#pragma once

#include <span>
#include <string>

#include "media/image.h"

namespace hft::media {

// The bytes of a PNG, 8 bits RGB.
std::string png_of(const Image& image);
// The same of greys [H,W], 8 bits, or 16 bits where a value is above 255 (a map of labels).
std::string grey_png_of(std::span<const std::uint16_t> greys, int width, int height);

}  // namespace hft::media
