// WebP by libwebp: a still picture, or the first of an animation on its canvas (RFC 9649).
#include <webp/decode.h>

#include "core/base/error.h"
#include "media/read/format.h"

namespace hft::media {
namespace {

// Decodes into the image with its upper left corner at (x, y), within its bounds.
void decode_into(Bytes file, Image& image, std::int64_t x, std::int64_t y) {
  int width = 0, height = 0;
  if (!WebPGetInfo(file.data(), file.size(), &width, &height)) fail(Errc::kBadData, "is damaged");
  if (x + width > image.width || y + height > image.height)
    fail(Errc::kBadData, "has a picture outside its canvas");
  const std::size_t offset = static_cast<std::size_t>(3 * (y * image.width + x));
  if (!WebPDecodeRGBInto(file.data(), file.size(), image.rgb.data() + offset,
                         image.rgb.size() - offset, 3 * image.width))
    fail(Errc::kBadData, "is damaged or ends early");
}

struct Chunks {
  Bytes frame, exif, xmp;
  bool animated = false;
  std::uint32_t width = 0, height = 0;  // of the canvas
};

Chunks chunks_of(Bytes file) {
  Chunks out;
  Cursor at(file);
  at.skip(12);
  while (at.left() >= 8) {
    const Bytes name = at.take(4);
    const std::size_t size = at.number(4);
    const Bytes body = at.take(std::min(size, at.left()));
    if (size % 2 == 1 && at.left() > 0) at.skip(1);
    if (begins_with(name, "VP8X")) {
      Cursor header(body);
      out.animated = (header.number(4) & 2) != 0;
      out.width = header.number(3) + 1;
      out.height = header.number(3) + 1;
    }
    if (begins_with(name, "ANMF") && out.frame.empty()) out.frame = body;
    if (begins_with(name, "EXIF")) out.exif = body;
    if (begins_with(name, "XMP ")) out.xmp = body;
  }
  return out;
}

Image read(Bytes file, Reading& reading) {
  const Chunks chunks = chunks_of(file);
  reading.orientation = exif_orientation(chunks.exif);
  if (reading.orientation == 0) reading.orientation = xmp_orientation(chunks.xmp);
  if (chunks.animated) {
    if (chunks.frame.empty()) fail(Errc::kBadData, "has no picture");
    Image canvas = reading.blank(chunks.width, chunks.height);
    Cursor header(chunks.frame);
    const std::int64_t x = 2 * static_cast<std::int64_t>(header.number(3));
    const std::int64_t y = 2 * static_cast<std::int64_t>(header.number(3));
    header.skip(10);  // size, duration, flags
    decode_into(header.take(header.left()), canvas, x, y);
    return canvas;
  }
  int width = 0, height = 0;
  if (!WebPGetInfo(file.data(), file.size(), &width, &height)) fail(Errc::kBadData, "is damaged");
  Image image = reading.blank(width, height);
  decode_into(file, image, 0, 0);
  return image;
}

}  // namespace

const Format kWebp{
    "WebP", [](Bytes file) { return begins_with(file, "RIFF") && begins_with(file, "WEBP", 8); },
    read};

}  // namespace hft::media
