// The first picture of a GIF (GIF89a specification), on a canvas as Pillow fills it.
#include <array>
#include <cstring>

#include "core/base/error.h"
#include "media/read/format.h"

namespace hft::media {
namespace {

using Palette = std::array<std::array<std::uint8_t, 3>, 256>;

Palette greys() {
  Palette palette;
  for (std::size_t i = 0; i < 256; ++i) palette[i].fill(static_cast<std::uint8_t>(i));
  return palette;
}

Palette read_palette(Cursor& at, int flags) {
  Palette palette = greys();
  const Bytes colors = at.take(std::size_t{3} << ((flags & 7) + 1));
  for (std::size_t i = 0; i < colors.size() / 3; ++i)
    std::memcpy(palette[i].data(), colors.data() + 3 * i, 3);
  return palette;
}

// Codes of growing width out of blocks of at most 255 bytes.
class Codes {
 public:
  explicit Codes(Cursor& at) : at_(at) {}
  int next(int width) {
    while (bits_ < width) {
      while (left_ == 0) {
        left_ = at_.byte();
        if (left_ == 0) return -1;  // the end
      }
      held_ |= static_cast<std::uint32_t>(at_.byte()) << bits_;
      bits_ += 8;
      --left_;
    }
    const int code = static_cast<int>(held_ & ((1u << width) - 1));
    held_ >>= width;
    bits_ -= width;
    return code;
  }

 private:
  Cursor& at_;
  std::uint32_t held_ = 0;
  int bits_ = 0, left_ = 0;
};

constexpr int kMostCodes = 4096;

// LZW: `put` takes each index until it returns false.
template <class F>
void decode(Cursor& at, int least_bits, F&& put) {
  if (least_bits > 11) fail(Errc::kBadData, "is damaged: codes of ", least_bits + 1, " bits");
  const int clear = 1 << least_bits, end = clear + 1;
  std::array<std::uint16_t, kMostCodes> before;
  std::array<std::uint8_t, kMostCodes> last, text;
  Codes codes(at);
  int width = least_bits + 1, next = clear + 2, previous = -1;
  std::uint8_t first = 0;
  while (true) {
    const int code = codes.next(width);
    if (code < 0 || code == end) return;
    if (code == clear) {
      width = least_bits + 1;
      next = clear + 2;
      previous = -1;
      continue;
    }
    if (code > next || (previous < 0 && code >= clear)) fail(Errc::kBadData, "is damaged");
    int length = 0, at_code = code;
    if (code == next) {
      text[static_cast<std::size_t>(length++)] = first;
      at_code = previous;
    }
    for (; at_code > end; at_code = before[static_cast<std::size_t>(at_code)])
      text[static_cast<std::size_t>(length++)] = last[static_cast<std::size_t>(at_code)];
    first = static_cast<std::uint8_t>(at_code);
    text[static_cast<std::size_t>(length++)] = first;
    while (length > 0)
      if (!put(text[static_cast<std::size_t>(--length)])) return;
    if (previous >= 0 && next < kMostCodes) {
      before[static_cast<std::size_t>(next)] = static_cast<std::uint16_t>(previous);
      last[static_cast<std::size_t>(next)] = first;
      if (++next == 1 << width && width < 12) ++width;
    }
    previous = code;
  }
}

struct Area {
  std::int64_t x, y, width, height;
};

// Rows come in four passes when the picture is interlaced.
class Painter {
 public:
  Painter(Image& image, const Area& area, const Palette& palette, bool interlaced)
      : image_(image), area_(area), palette_(palette), interlaced_(interlaced) {}
  bool done() const { return area_.width == 0 || row_ >= area_.height; }
  bool put(std::uint8_t index) {
    const std::int64_t at = (area_.y + row_) * image_.width + area_.x + column_;
    std::memcpy(image_.rgb.data() + 3 * at, palette_[index].data(), 3);
    if (++column_ == area_.width) {
      column_ = 0;
      next_row();
    }
    return !done();
  }

 private:
  void next_row() {
    constexpr int kStep[] = {8, 8, 4, 2}, kStart[] = {0, 4, 2, 1};
    row_ += interlaced_ ? kStep[pass_] : 1;
    while (interlaced_ && row_ >= area_.height && pass_ < 3) row_ = kStart[++pass_];
  }
  Image& image_;
  Area area_;
  const Palette& palette_;
  bool interlaced_;
  std::int64_t row_ = 0, column_ = 0;
  int pass_ = 0;
};

void skip_blocks(Cursor& at) {
  while (const std::uint8_t size = at.byte()) at.skip(size);
}

// Up to the picture; the transparent index, -1: none.
int skip_extensions(Cursor& at) {
  int transparent = -1;
  while (true) {
    const std::uint8_t kind = at.byte();
    if (kind == ',') return transparent;
    if (kind == ';') fail(Errc::kBadData, "has no picture");
    if (kind != '!') continue;
    const std::uint8_t label = at.byte();
    const std::uint8_t size = at.byte();
    const Bytes block = at.take(size);
    if (label == 0xf9 && size >= 4 && (block[0] & 1)) transparent = block[3];
    if (size > 0) skip_blocks(at);
  }
}

Image read(Bytes file, Reading& reading) {
  Cursor at(file);
  at.skip(6);
  std::int64_t width = at.number(2), height = at.number(2);
  const int flags = at.byte();
  at.skip(2);
  Palette palette = greys();
  if (flags & 0x80) palette = read_palette(at, flags);
  const int transparent = skip_extensions(at);
  Area area{};
  area.x = at.number(2);
  area.y = at.number(2);
  area.width = at.number(2);
  area.height = at.number(2);
  const int own = at.byte();
  if (own & 0x80) palette = read_palette(at, own);
  width = std::max(width, area.x + area.width);
  height = std::max(height, area.y + area.height);
  Image image = reading.blank(width, height);
  const auto ground = palette[static_cast<std::size_t>(std::max(transparent, 0))];
  for (std::size_t i = 0; i < image.rgb.size(); i += 3)
    std::memcpy(image.rgb.data() + i, ground.data(), 3);
  Painter painter(image, area, palette, (own & 0x40) != 0);
  const int least_bits = at.byte();
  if (!painter.done())
    decode(at, least_bits, [&](std::uint8_t index) { return painter.put(index); });
  if (!painter.done()) fail(Errc::kBadData, "ends early");
  return image;
}

}  // namespace

const Format kGif{
    "GIF", [](Bytes file) { return begins_with(file, "GIF87a") || begins_with(file, "GIF89a"); },
    read};

}  // namespace hft::media
