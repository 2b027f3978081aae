// Pictures in: bytes of a file to the pixels that Pillow's convert("RGB") has of it, turned
// upright. No LibTorch; media/read/*.cc know the formats.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/limits.h"

namespace hft::media {

struct Image {
  int width = 0, height = 0;
  std::vector<std::uint8_t> rgb;  // [H,W,3], 0..255
};

using Bytes = std::span<const std::uint8_t>;
inline Bytes bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// JPEG, PNG, WebP, GIF and APNG (the first picture), BMP or TIFF (the first page), known by
// content. 16-bit grey clips at 255, other 16-bit colours keep their high byte, transparency is
// dropped. Turned as the file's EXIF or XMP says. `name` begins the errors: kBadData for what is
// damaged, no image, or over limits::kImagePixels or kImageBytes (looked at before anything is
// decoded); kUnsupported naming a format or kind that is not read. Safe on hostile bytes, from any
// thread.
Image read_image(Bytes file, std::string_view name, std::int64_t max_pixels = limits::kImagePixels);

// Begins like a format that read_image reads, or names when it refuses it.
bool is_image(Bytes head);
// The name's suffix is that of pictures (".jpg", ".heic"), read or not.
bool is_image_name(std::string_view name);

}  // namespace hft::media
