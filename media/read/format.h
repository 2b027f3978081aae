// What the reader of one image format is to read_image. A reader may trust nothing in the file.
#pragma once

#include <span>
#include <string_view>

#include "media/image.h"

namespace hft::media {

struct Reading {
  std::int64_t max_pixels;
  int orientation = 0;  // EXIF's, 1 to 8, where the file has one

  // An image of that size, black. Throws kBadData when it has no pixels, or too many.
  Image blank(std::int64_t width, std::int64_t height) const;
};

struct Format {
  std::string_view name;  // "JPEG"
  bool (*is)(Bytes file);
  // The pixels as they are stored.
  Image (*read)(Bytes file, Reading& reading);
};
extern const Format kJpeg, kPng, kWebp, kGif, kBmp, kTiff;

inline bool begins_with(Bytes file, std::string_view magic, std::size_t at = 0) {
  return file.size() >= at + magic.size() &&
         std::string_view(reinterpret_cast<const char*>(file.data()) + at, magic.size()) == magic;
}

// Its first bytes are letters, spaces and line ends.
bool is_text(Bytes file);

// Numbers of a file, within its bounds: reading past the end throws kBadData ("ends early").
class Cursor {
 public:
  explicit Cursor(Bytes bytes, bool big_endian = false) : bytes_(bytes), big_(big_endian) {}
  std::size_t position() const { return at_; }
  std::size_t left() const { return bytes_.size() - at_; }
  void seek(std::size_t to);
  void skip(std::size_t n) { take(n); }
  Bytes take(std::size_t n);
  std::uint32_t number(int bytes);
  std::uint8_t byte() { return static_cast<std::uint8_t>(number(1)); }

 private:
  Bytes bytes_;
  bool big_;
  std::size_t at_ = 0;
};

// The Orientation of a block of EXIF (a TIFF header and its first directory), or of XMP; 0: none.
int exif_orientation(Bytes exif);
int xmp_orientation(Bytes xmp);

// Deflated bytes of a note, at most limits::kImageNotes of them; empty when they are damaged.
std::vector<std::uint8_t> inflated_note(Bytes deflated);

}  // namespace hft::media
