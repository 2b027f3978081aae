// Words on a picture, in a typeface of its own at any size.
#pragma once

#include <string_view>

#include "media/image.h"

namespace hft::media {

struct Color {
  std::uint8_t red = 0, green = 0, blue = 0;
  bool operator==(const Color&) const = default;
};

// Mixes a colour into a pixel, `share` of 0 to 1; outside the image: nothing.
void blend(Image& image, int x, int y, Color color, double share);

// Pixels that a line of text takes at that height of a line. Letters the typeface lacks are boxes.
int text_width(std::string_view text, int height);
// Its upper left corner at (x, y).
void draw_text(Image& image, int x, int y, std::string_view text, int height, Color color);
// At most that wide, cut with "...".
std::string fitting(std::string_view text, int height, int width);

}  // namespace hft::media
