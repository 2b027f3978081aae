#include "media/text.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace hft::media {
namespace {

struct Glyph {
  int code, advance, left, top, width, height, pixels;
};
#include "media/font_data.inc"

constexpr int kAdvanceParts = 16;
constexpr Glyph kMissing{0, 13 * kAdvanceParts, 1, 8, 11, 16, -1};  // a box

const Glyph& glyph_of(int code) {
  const auto* found = std::ranges::lower_bound(kGlyphs, code, {}, &Glyph::code);
  return found != std::end(kGlyphs) && found->code == code ? *found : kMissing;
}

// Code points of UTF-8; a byte that is none of it stands for itself.
template <class F>
void each_letter(std::string_view text, F&& f) {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const std::size_t size = byte < 0xc0 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
    f(glyph_of(size == 1 ? byte : 0x10ffff));
    i += size;
  }
}

// How much of a pixel of the glyph is ink, 0 to 1.
double ink(const Glyph& glyph, int x, int y) {
  if (x < 0 || y < 0 || x >= glyph.width || y >= glyph.height) return 0;
  if (glyph.pixels < 0) return x == 0 || y == 0 || x + 1 == glyph.width || y + 1 == glyph.height;
  return (kFontPixels[static_cast<std::size_t>(glyph.pixels + y * glyph.width + x)] - 'a') / 15.0;
}

// The mean ink of an area of the glyph: any size comes of one drawing.
double mean_ink(const Glyph& glyph, double x0, double y0, double x1, double y1) {
  double sum = 0;
  for (int y = static_cast<int>(std::floor(y0)); y < y1; ++y)
    for (int x = static_cast<int>(std::floor(x0)); x < x1; ++x)
      sum += ink(glyph, x, y) * (std::min(x1, x + 1.0) - std::max(x0, x * 1.0)) *
             (std::min(y1, y + 1.0) - std::max(y0, y * 1.0));
  return sum / ((x1 - x0) * (y1 - y0));
}

void draw_glyph(Image& image, double x, int y, const Glyph& glyph, double scale, Color color) {
  const double left = x + glyph.left * scale, top = y + glyph.top * scale;
  const int right = static_cast<int>(std::ceil(left + glyph.width * scale));
  const int bottom = static_cast<int>(std::ceil(top + glyph.height * scale));
  for (int row = static_cast<int>(std::floor(top)); row < bottom; ++row)
    for (int column = static_cast<int>(std::floor(left)); column < right; ++column) {
      const double x0 = (column - left) / scale, y0 = (row - top) / scale;
      blend(image, column, row, color, mean_ink(glyph, x0, y0, x0 + 1 / scale, y0 + 1 / scale));
    }
}

}  // namespace

void blend(Image& image, int x, int y, Color color, double share) {
  if (x < 0 || y < 0 || x >= image.width || y >= image.height) return;
  std::uint8_t* pixel = image.rgb.data() + 3 * (static_cast<std::ptrdiff_t>(y) * image.width + x);
  const std::uint8_t wanted[] = {color.red, color.green, color.blue};
  for (int c = 0; c < 3; ++c)
    pixel[c] = static_cast<std::uint8_t>(std::lround(pixel[c] + (wanted[c] - pixel[c]) * share));
}

int text_width(std::string_view text, int height) {
  int parts = 0;
  each_letter(text, [&](const Glyph& glyph) { parts += glyph.advance; });
  return static_cast<int>(
      std::ceil(parts * height / static_cast<double>(kAdvanceParts * kFontHeight)));
}

void draw_text(Image& image, int x, int y, std::string_view text, int height, Color color) {
  const double scale = static_cast<double>(height) / kFontHeight;
  double at = x;
  each_letter(text, [&](const Glyph& glyph) {
    draw_glyph(image, at, y, glyph, scale, color);
    at += glyph.advance * scale / kAdvanceParts;
  });
}

std::string fitting(std::string_view text, int height, int width) {
  if (text_width(text, height) <= width) return std::string(text);
  std::string cut(text);
  while (!cut.empty() && text_width(cut + "...", height) > width) {
    do cut.pop_back();
    while (!cut.empty() && (cut.back() & 0xc0) == 0x80);
  }
  return cut + "...";
}

}  // namespace hft::media
