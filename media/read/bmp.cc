// Windows and OS/2 bitmaps: 1 to 32 bits, run lengths, colour masks (Microsoft's BITMAPV5HEADER).
#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "core/base/error.h"
#include "media/read/format.h"

namespace hft::media {
namespace {

enum Compression { kRaw = 0, kRuns8 = 1, kRuns4 = 2, kMasks = 3 };

struct Header {
  std::size_t offset = 0;  // of the pixels
  std::int64_t width = 0, height = 0;
  bool top_down = false;
  int bits = 0;
  std::uint32_t compression = kRaw;
  std::array<std::uint32_t, 3> masks{0xff0000, 0xff00, 0xff};
  std::array<std::array<std::uint8_t, 3>, 256> palette{};
};

void read_masks(Header& h, Cursor& at) {
  std::array<std::uint32_t, 3> masks;
  for (auto& mask : masks) mask = at.number(4);
  if (masks != std::array<std::uint32_t, 3>{}) h.masks = masks;
}

// Entries that the file lacks are greys, as in Pillow.
void read_palette(Header& h, Cursor at, std::uint32_t colors, int entry_bytes) {
  for (std::size_t i = 0; i < 256; ++i) h.palette[i].fill(static_cast<std::uint8_t>(i));
  for (std::uint32_t i = 0; i < std::min(colors, 256u); ++i) {
    const Bytes bgr = at.take(static_cast<std::size_t>(entry_bytes));
    h.palette[i] = {bgr[2], bgr[1], bgr[0]};
  }
}

bool is_known(const Header& h) {
  switch (h.compression) {
    case kRaw:
      return h.bits == 1 || h.bits == 2 || h.bits == 4 || h.bits == 8 || h.bits == 16 ||
             h.bits == 24 || h.bits == 32;
    case kRuns8:
      return h.bits == 8;
    case kRuns4:
      return h.bits == 4;
    case kMasks:
      return h.bits == 16 || h.bits == 32;
    default:
      return false;
  }
}

Header read_header(Bytes file) {
  Header h;
  Cursor at(file);
  at.skip(10);
  h.offset = at.number(4);
  const std::uint32_t size = at.number(4);
  std::uint32_t colors = 0;
  if (size == 12) {  // OS/2
    h.width = at.number(2);
    h.height = at.number(2);
    at.skip(2);
    h.bits = static_cast<int>(at.number(2));
  } else if (size >= 40 && size <= 1024) {
    h.width = static_cast<std::int32_t>(at.number(4));
    h.height = static_cast<std::int32_t>(at.number(4));
    at.skip(2);
    h.bits = static_cast<int>(at.number(2));
    h.compression = at.number(4);
    at.skip(12);
    colors = at.number(4);
    at.skip(4);
    h.top_down = h.height < 0;
    if (h.top_down) h.height = -h.height;
  } else {
    fail(Errc::kUnsupported, "has a header of ", size, " bytes, wanted 12 or 40 to 124");
  }
  if (!is_known(h))
    fail(Errc::kUnsupported, "has ", h.bits, " bits a pixel in compression ", h.compression,
         ", which is not read");
  if (h.bits == 16) h.masks = {0x7c00, 0x3e0, 0x1f};
  if (h.compression == kMasks) read_masks(h, at);
  at.seek(std::max(at.position(), std::size_t{14} + size));
  if (h.bits <= 8) read_palette(h, at, colors ? colors : 1u << h.bits, size == 12 ? 3 : 4);
  return h;
}

// The bits of a mask as a number of 0 to 255.
std::uint8_t masked(std::uint32_t pixel, std::uint32_t mask) {
  if (mask == 0) return 0;
  const int shift = std::countr_zero(mask);
  const std::uint64_t most = mask >> shift;
  return static_cast<std::uint8_t>(((pixel & mask) >> shift) * std::uint64_t{255} / most);
}

void paint_row(const Header& h, Bytes row, std::uint8_t* to) {
  for (std::int64_t x = 0; x < h.width; ++x, to += 3) {
    const auto at = static_cast<std::size_t>(x);
    if (h.bits <= 8) {
      const std::size_t bit = at * static_cast<std::size_t>(h.bits);
      const int index =
          row[bit / 8] >> (8 - h.bits - static_cast<int>(bit % 8)) & ((1 << h.bits) - 1);
      std::memcpy(to, h.palette[static_cast<std::size_t>(index)].data(), 3);
    } else if (h.bits == 24) {
      for (std::size_t c = 0; c < 3; ++c) to[c] = row[3 * at + 2 - c];
    } else {
      const std::size_t bytes = static_cast<std::size_t>(h.bits) / 8;
      std::uint32_t pixel = 0;
      for (std::size_t i = bytes; i-- > 0;) pixel = pixel << 8 | row[bytes * at + i];
      for (std::size_t c = 0; c < 3; ++c) to[c] = masked(pixel, h.masks[c]);
    }
  }
}

// Run lengths to an index a pixel, from the bottom row up; what no run covers is 0.
std::vector<std::uint8_t> unpacked(const Header& h, Cursor at) {
  const bool nibbles = h.compression == kRuns4;
  std::vector<std::uint8_t> out(static_cast<std::size_t>(h.width * h.height));
  std::int64_t x = 0, y = 0;
  const auto put = [&](std::uint8_t index) {
    if (x < h.width && y < h.height) out[static_cast<std::size_t>(y * h.width + x)] = index;
    ++x;
  };
  while (y < h.height) {
    const int count = at.byte(), value = at.byte();
    if (count > 0) {
      for (int i = 0; i < count; ++i)
        put(static_cast<std::uint8_t>(!nibbles ? value : i % 2 ? value & 15 : value >> 4));
    } else if (value == 0) {
      x = 0;
      ++y;
    } else if (value == 1) {
      break;
    } else if (value == 2) {
      x += at.byte();
      y += at.byte();
    } else {
      const std::size_t size = static_cast<std::size_t>(nibbles ? (value + 1) / 2 : value);
      const Bytes bytes = at.take(size);
      for (std::size_t i = 0; i < static_cast<std::size_t>(value); ++i)
        put(static_cast<std::uint8_t>(!nibbles ? bytes[i]
                                      : i % 2  ? bytes[i / 2] & 15
                                               : bytes[i / 2] >> 4));
      if (size % 2 == 1) at.skip(1);
    }
  }
  return out;
}

Image read(Bytes file, Reading& reading) {
  const Header h = read_header(file);
  Image image = reading.blank(h.width, h.height);
  Cursor at(file);
  at.seek(h.offset);
  const auto row_of = [&](std::int64_t y) {
    return image.rgb.data() + 3 * h.width * (h.top_down ? y : h.height - 1 - y);
  };
  if (h.compression == kRuns8 || h.compression == kRuns4) {
    const auto indices = unpacked(h, at);
    Header wide = h;
    wide.bits = 8;
    for (std::int64_t y = 0; y < h.height; ++y)
      paint_row(wide, Bytes(indices).subspan(static_cast<std::size_t>(y * h.width)), row_of(y));
    return image;
  }
  const std::int64_t stride = (h.width * h.bits + 31) / 32 * 4;
  const std::int64_t last = (h.width * h.bits + 7) / 8;  // the last row's padding may be missing
  for (std::int64_t y = 0; y < h.height; ++y) {
    const bool whole = y + 1 < h.height || static_cast<std::int64_t>(at.left()) >= stride;
    paint_row(h, at.take(static_cast<std::size_t>(whole ? stride : last)), row_of(y));
  }
  return image;
}

}  // namespace

const Format kBmp{"BMP", [](Bytes file) { return begins_with(file, "BM") && file.size() >= 26; },
                  read};

}  // namespace hft::media
