#include "media/draw.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <numeric>

namespace hft::media {
namespace {

constexpr std::array<Color, 13> kColors{{{0xe6, 0x9f, 0x00},
                                         {0x56, 0xb4, 0xe9},
                                         {0x00, 0x9e, 0x73},
                                         {0xf0, 0xe4, 0x42},
                                         {0x00, 0x72, 0xb2},
                                         {0xd5, 0x5e, 0x00},
                                         {0xcc, 0x79, 0xa7},
                                         {0x88, 0xcc, 0xee},
                                         {0x33, 0x22, 0x88},
                                         {0xdd, 0xcc, 0x77},
                                         {0x99, 0x99, 0x33},
                                         {0x88, 0x22, 0x55},
                                         {0x44, 0xaa, 0x99}}};
constexpr Color kBlack{}, kWhite{255, 255, 255}, kGround{0x1c, 0x1c, 0x1c};
constexpr int kRoom = 400;  // pixels that a picture's longer side should have for words
constexpr int kLeastText = 13, kMostText = 44;

// Black or white, whichever stands out more from it (WCAG's relative luminance).
Color contrast_of(Color color) {
  const auto linear = [](int byte) { return std::pow(byte / 255.0, 2.2); };
  const double light =
      0.2126 * linear(color.red) + 0.7152 * linear(color.green) + 0.0722 * linear(color.blue);
  return light > 0.18 ? kBlack : kWhite;
}

int text_height(const Image& image) {
  return std::clamp(std::min(image.width, image.height) / 26, kLeastText, kMostText);
}

int enlargement(const Image& image) {
  return std::max(1, kRoom / std::max(image.width, image.height));
}

// The picture `times` as large, on a dark ground of at least that size.
Image enlarged(const Image& in, int times, int least_width, int least_height) {
  Image out;
  out.width = std::max(in.width * times, least_width);
  out.height = std::max(in.height * times, least_height);
  out.rgb.assign(3 * static_cast<std::size_t>(out.width) * static_cast<std::size_t>(out.height),
                 kGround.red);
  for (int y = 0; y < in.height * times; ++y)
    for (int x = 0; x < in.width * times; ++x)
      std::copy_n(
          in.rgb.data() + 3 * (static_cast<std::ptrdiff_t>(y / times) * in.width + x / times), 3,
          out.rgb.data() + 3 * (static_cast<std::ptrdiff_t>(y) * out.width + x));
  return out;
}

struct Area {
  int left, top, right, bottom;  // the last two are outside
};

void fill(Image& image, Area a, Color color, double share = 1) {
  for (int y = std::max(a.top, 0); y < std::min(a.bottom, image.height); ++y)
    for (int x = std::max(a.left, 0); x < std::min(a.right, image.width); ++x)
      blend(image, x, y, color, share);
}

// A frame inside the area.
void frame(Image& image, Area a, int thick, Color color) {
  fill(image, {a.left, a.top, a.right, a.top + thick}, color);
  fill(image, {a.left, a.bottom - thick, a.right, a.bottom}, color);
  fill(image, {a.left, a.top + thick, a.left + thick, a.bottom - thick}, color);
  fill(image, {a.right - thick, a.top + thick, a.right, a.bottom - thick}, color);
}

Area grown(Area a, int by) { return {a.left - by, a.top - by, a.right + by, a.bottom + by}; }

// Words on a plate of their colour, edged so that it stands out from the picture.
void draw_plate(Image& image, int x, int y, const std::string& words, int height, Color color) {
  const int pad = std::max(2, height / 6), width = text_width(words, height) + 2 * pad;
  x = std::clamp(x, 0, std::max(0, image.width - width));
  y = std::clamp(y, 0, std::max(0, image.height - height));
  const Area plate{x, y, x + width, y + height};
  const Color contrast = contrast_of(color);
  fill(image, grown(plate, 1), contrast);
  fill(image, plate, color);
  draw_text(image, x + pad, y, words, height, contrast);
}

std::string percent(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.0f%%", 100 * share);
  return text;
}

Area area_of(const DrawnBox& box, int times, const Image& image) {
  // What lies outside is drawn at the edge.
  const auto at = [&](double place, int most) {
    return std::clamp(static_cast<int>(std::lround(place * times)), 0, most);
  };
  Area area{at(box.xmin, image.width), at(box.ymin, image.height), at(box.xmax, image.width),
            at(box.ymax, image.height)};
  area.right = std::max(area.right, area.left + 1);
  area.bottom = std::max(area.bottom, area.top + 1);
  return area;
}

// One colour for a label, plain for its first mask and striped for the next ones that share it.
struct Paint {
  Color color;
  int stripes = 0;
  double share(int x, int y) const {
    constexpr int kStripe = 6;
    const int place = stripes % 2 ? x + y : x - y + (1 << 20);
    return stripes > 0 && place / kStripe % 2 ? 0.2 : 0.55;
  }
};

std::vector<Paint> paints_of(std::span<const DrawnMask> masks, std::span<const std::size_t> order) {
  std::vector<Paint> paints(masks.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    Paint& paint = paints[order[i]];
    paint.color = color_of(masks[order[i]].label);
    for (std::size_t k = 0; k < i; ++k) paint.stripes += paints[order[k]].color == paint.color;
  }
  return paints;
}

// The smallest area of the picture with all of the mask in it.
Area bounds_of(const DrawnMask& mask, int width) {
  Area area{width, static_cast<int>(mask.mask.size()) / width, 0, 0};
  const int height = area.top;
  for (int y = 0; y < height; ++y) {
    const std::uint8_t* row = mask.mask.data() + static_cast<std::ptrdiff_t>(y) * width;
    for (int x = 0; x < width; ++x) {
      if (row[x] == 0) continue;
      area = {std::min(area.left, x), std::min(area.top, y), std::max(area.right, x + 1), y + 1};
    }
  }
  return area;
}

void lay(Image& image, const DrawnMask& mask, const Paint& paint, int width, int height,
         int times) {
  const auto in = [&](int x, int y) {
    return x >= 0 && y >= 0 && x < width * times && y < height * times &&
           mask.mask[static_cast<std::size_t>(y / times) * static_cast<std::size_t>(width) +
                     static_cast<std::size_t>(x / times)] != 0;
  };
  const int thick = std::max(1, std::min(width, height) * times / 300);
  const Area area = bounds_of(mask, width);
  for (int y = area.top * times; y < area.bottom * times; ++y)
    for (int x = area.left * times; x < area.right * times; ++x) {
      if (!in(x, y)) continue;
      const bool edge =
          !in(x - thick, y) || !in(x + thick, y) || !in(x, y - thick) || !in(x, y + thick);
      blend(image, x, y, paint.color, edge ? 1 : paint.share(x, y));
    }
}

struct Line {
  std::string words;
  Paint paint;
};

// A swatch and a name a line, in as many columns as there is room for.
Image with_legend(const Image& picture, const std::vector<Line>& lines) {
  if (lines.empty()) return picture;
  const int height = text_height(picture), row = height + height / 3, swatch = height;
  int widest = 0;
  for (const Line& line : lines) widest = std::max(widest, text_width(line.words, height));
  const int column = std::min(picture.width, widest + swatch + 3 * height / 2);
  const int columns = std::max(1, picture.width / column);
  const int rows = (static_cast<int>(lines.size()) + columns - 1) / columns;
  Image out = enlarged(picture, 1, picture.width, picture.height + rows * row + height / 3);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const int x = static_cast<int>(i) / rows * column + height / 3;
    const int y = picture.height + static_cast<int>(i) % rows * row + height / 3;
    const Area area{x, y, x + swatch, y + swatch};
    fill(out, area, kWhite);
    for (int sy = area.top; sy < area.bottom; ++sy)
      for (int sx = area.left; sx < area.right; ++sx)
        blend(out, sx, sy, lines[i].paint.color,
              lines[i].paint.stripes > 0 ? lines[i].paint.share(sx, sy) / 0.55 : 1);
    frame(out, grown(area, 1), 1, kWhite);
    const int room = column - swatch - height;
    draw_text(out, x + swatch + height / 3, y, fitting(lines[i].words, height, room), height,
              kWhite);
  }
  return out;
}

}  // namespace

Color color_of(std::string_view label) {
  std::uint32_t hash = 2166136261u;  // FNV-1a
  for (const char c : label) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  return kColors[(hash ^ hash >> 15) % kColors.size()];
}

Image with_boxes(const Image& picture, std::vector<DrawnBox> boxes) {
  std::ranges::stable_sort(boxes, {}, &DrawnBox::score);
  const int times = enlargement(picture);
  constexpr int kLeast = 4 * kLeastText;
  Image image = enlarged(picture, times, kLeast, kLeast);
  const int thick = std::max(2, std::min(image.width, image.height) / 220);
  for (const DrawnBox& box : boxes) {
    const Area area = area_of(box, times, image);
    const Color color = color_of(box.label);
    // Edged in black and white, of which one stands out from whatever is there.
    frame(image, grown(area, 1), 1, contrast_of(color));
    frame(image, area, thick, color);
    frame(image, grown(area, -thick), 1, contrast_of(color));
  }
  const int height = text_height(image);
  for (const DrawnBox& box : boxes) {
    const Area area = area_of(box, times, image);
    const int above = area.top - height - 1;
    draw_plate(image, area.left, above >= 0 ? above : area.top + thick,
               fitting(box.label, height, image.width * 2 / 3) + " " + percent(box.score), height,
               color_of(box.label));
  }
  return image;
}

Image with_masks(const Image& picture, std::span<const DrawnMask> masks) {
  std::vector<std::size_t> order(masks.size());
  std::vector<std::ptrdiff_t> areas;
  for (const DrawnMask& mask : masks)
    areas.push_back(std::ranges::count_if(mask.mask, [](std::uint8_t in) { return in != 0; }));
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order,
                           [&](std::size_t a, std::size_t b) { return areas[a] > areas[b]; });
  const int times = enlargement(picture);
  constexpr int kLeast = 12 * kLeastText;
  Image image = enlarged(picture, times, kLeast, 1);
  const auto paints = paints_of(masks, order);
  std::vector<Line> lines;
  const double pixels = static_cast<double>(picture.width) * picture.height;
  for (const std::size_t i : order) {
    lay(image, masks[i], paints[i], picture.width, picture.height, times);
    std::string words = masks[i].label;
    if (masks[i].score >= 0) words += " " + percent(masks[i].score);
    words += " (" + percent(static_cast<double>(areas[i]) / pixels) + " of the picture)";
    lines.push_back({std::move(words), paints[i]});
  }
  return with_legend(image, lines);
}

}  // namespace hft::media
