#include "media/diagram.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "core/base/text.h"
#include "media/image_write.h"

namespace hft::media {
namespace {

constexpr int kFontSize = 13, kScale = 2;
constexpr double kDash = 4;

std::string svg_number(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", x);
  return text;
}

std::string svg_color(Color color) {
  char text[8];
  std::snprintf(text, sizeof text, "#%02x%02x%02x", color.red, color.green, color.blue);
  return text;
}

std::string svg_text(const std::string& text) {
  std::string out;
  for (const char c : escape_controls(text))
    out += c == '&' ? "&amp;" : c == '<' ? "&lt;" : c == '>' ? "&gt;" : std::string(1, c);
  return out;
}

std::string attribute(const char* name, const std::string& value) {
  return std::string(" ") + name + "=\"" + value + "\"";
}
std::string attribute(const char* name, double value) { return attribute(name, svg_number(value)); }

// How much of the pixel from `at` to `at` + 1 lies between the two.
double overlap(double at, double low, double high) {
  return std::max(0.0, std::min(at + 1, high) - std::max(at, low));
}

// The pixels of a diagram, kScale a side for each of its units.
class Canvas {
 public:
  Canvas(int width, int height) {
    image_.width = width * kScale;
    image_.height = height * kScale;
    image_.rgb.assign(
        3 * static_cast<std::size_t>(image_.width) * static_cast<std::size_t>(image_.height), 255);
  }

  void area(Point corner, Point size, Color color) {
    const double left = corner.x * kScale, top = corner.y * kScale, right = left + size.x * kScale,
                 bottom = top + size.y * kScale;
    each_pixel(left, top, right, bottom, [&](int x, int y) {
      blend(image_, x, y, color, overlap(x, left, right) * overlap(y, top, bottom));
    });
  }

  // A pixel takes as much of the stroke as it is near to the middle of it; where two parts of one
  // line meet it is painted once.
  void line(const std::vector<Point>& points, Color color, double width, bool dashed) {
    const double reach = width * kScale / 2 + 1;
    std::vector<float> shares(image_.rgb.size() / 3);
    double before = 0;
    for (std::size_t i = 1; i < points.size(); ++i) {
      const Point from{points[i - 1].x * kScale, points[i - 1].y * kScale},
          to{points[i].x * kScale, points[i].y * kScale};
      each_pixel(std::min(from.x, to.x) - reach, std::min(from.y, to.y) - reach,
                 std::max(from.x, to.x) + reach, std::max(from.y, to.y) + reach, [&](int x, int y) {
                   float& share =
                       shares[static_cast<std::size_t>(y) * static_cast<std::size_t>(image_.width) +
                              static_cast<std::size_t>(x)];
                   share = std::max(share, share_of({x + 0.5, y + 0.5}, from, to,
                                                    width * kScale / 2, dashed, before));
                 });
      before += std::hypot(to.x - from.x, to.y - from.y);
    }
    for (std::size_t i = 0; i < shares.size(); ++i)
      if (shares[i] > 0)
        blend(image_, static_cast<int>(i) % image_.width, static_cast<int>(i) / image_.width, color,
              shares[i]);
  }

  void dot(Point centre, double radius, Color color) {
    const double x0 = centre.x * kScale, y0 = centre.y * kScale, r = radius * kScale;
    each_pixel(x0 - r - 1, y0 - r - 1, x0 + r + 1, y0 + r + 1, [&](int x, int y) {
      blend(image_, x, y, color,
            std::clamp(r + 0.5 - std::hypot(x + 0.5 - x0, y + 0.5 - y0), 0.0, 1.0));
    });
  }

  void words(Point at, const std::string& text, Color color, Diagram::Anchor anchor, bool upwards) {
    constexpr int kLine = kFontSize * kScale * 5 / 4;  // the typeface's line is 5/4 of its size
    const int width = text_width(text, kLine);
    const double share = anchor == Diagram::Anchor::kStart ? 0
                         : anchor == Diagram::Anchor::kEnd ? 1
                                                           : 0.5;
    Image ink;  // black on white
    ink.width = width;
    ink.height = kLine;
    ink.rgb.assign(3 * static_cast<std::size_t>(width) * kLine, 255);
    draw_text(ink, 0, 0, text, kLine, {});
    const int x0 = static_cast<int>(std::lround(at.x * kScale)),
              y0 = static_cast<int>(std::lround(at.y * kScale));
    const int along = static_cast<int>(std::lround(width * share)), across = kFontSize * kScale;
    for (int y = 0; y < kLine; ++y)
      for (int x = 0; x < width; ++x) {
        const std::uint8_t white =
            ink.rgb[3 * (static_cast<std::size_t>(y) * static_cast<std::size_t>(width) +
                         static_cast<std::size_t>(x))];
        const int px = upwards ? x0 + y - across : x0 + x - along,
                  py = upwards ? y0 - x + along : y0 + y - across;
        blend(image_, px, py, color, 1 - white / 255.0);
      }
  }

  const Image& image() const { return image_; }

 private:
  template <class F>
  void each_pixel(double left, double top, double right, double bottom, const F& paint) {
    for (int y = std::max(0, static_cast<int>(std::floor(top)));
         y < std::min<double>(bottom, image_.height); ++y)
      for (int x = std::max(0, static_cast<int>(std::floor(left)));
           x < std::min<double>(right, image_.width); ++x)
        paint(x, y);
  }

  // Of the pixel around `p`, by the part of a line between the two, with so much of it before.
  static float share_of(Point p, Point from, Point to, double half, bool dashed, double before) {
    const double dx = to.x - from.x, dy = to.y - from.y, length = std::hypot(dx, dy);
    if (length == 0) return 0;
    const double along =
        std::clamp(((p.x - from.x) * dx + (p.y - from.y) * dy) / (length * length), 0.0, 1.0);
    const double far = std::hypot(p.x - from.x - along * dx, p.y - from.y - along * dy);
    if (dashed && std::fmod(before + along * length, 2 * kDash * kScale) >= kDash * kScale)
      return 0;
    return static_cast<float>(std::clamp(half + 0.5 - far, 0.0, 1.0));
  }

  Image image_;
};

}  // namespace

void Diagram::area(Point corner, double width, double height, Color color) {
  shapes_.push_back({Shape::kArea, {corner, {width, height}}, color});
}
void Diagram::line(std::vector<Point> points, Color color, double width, Stroke stroke) {
  shapes_.push_back({Shape::kLine, std::move(points), color, width, stroke == Stroke::kDashed});
}
void Diagram::dot(Point centre, double radius, Color color) {
  shapes_.push_back({Shape::kDot, {centre}, color, radius});
}
void Diagram::words(Point at, std::string_view text, Anchor anchor, Color color) {
  shapes_.push_back({.kind = Shape::kWords,
                     .points = {at},
                     .color = color,
                     .text = std::string(text),
                     .anchor = anchor});
}
void Diagram::words_upwards(Point at, std::string_view text, Anchor anchor) {
  shapes_.push_back({.kind = Shape::kWords,
                     .points = {at},
                     .color = {},
                     .upwards = true,
                     .text = std::string(text),
                     .anchor = anchor});
}

std::string Diagram::svg() const {
  const std::string width = std::to_string(width_), height = std::to_string(height_);
  std::string out =
      "<svg xmlns=\"http://www.w3.org/2000/svg\"" + attribute("width", width) +
      attribute("height", height) + attribute("viewBox", "0 0 " + width + " " + height) +
      attribute("font-family", "sans-serif") + attribute("font-size", std::to_string(kFontSize)) +
      ">\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n";
  static const char* const kAnchors[] = {"start", "middle", "end"};
  for (const Shape& s : shapes_) {
    const Point& at = s.points[0];
    switch (s.kind) {
      case Shape::kArea:
        out += "<rect" + attribute("x", at.x) + attribute("y", at.y) +
               attribute("width", s.points[1].x) + attribute("height", s.points[1].y) +
               attribute("fill", svg_color(s.color)) + "/>\n";
        break;
      case Shape::kLine: {
        std::string points;
        for (const Point& p : s.points)
          points += (points.empty() ? "" : " ") + svg_number(p.x) + "," + svg_number(p.y);
        out += "<polyline fill=\"none\"" + attribute("stroke", svg_color(s.color)) +
               attribute("stroke-width", s.size) +
               (s.dashed ? attribute("stroke-dasharray", svg_number(kDash)) : "") +
               attribute("points", points) + "/>\n";
        break;
      }
      case Shape::kDot:
        out += "<circle" + attribute("cx", at.x) + attribute("cy", at.y) + attribute("r", s.size) +
               attribute("fill", svg_color(s.color)) + "/>\n";
        break;
      case Shape::kWords:
        out += "<text" + attribute("x", at.x) + attribute("y", at.y) +
               attribute("text-anchor", kAnchors[static_cast<int>(s.anchor)]) +
               (s.color == Color{} ? "" : attribute("fill", svg_color(s.color))) +
               (s.upwards ? attribute("transform", "rotate(-90 " + svg_number(at.x) + " " +
                                                       svg_number(at.y) + ")")
                          : "") +
               ">" + svg_text(s.text) + "</text>\n";
        break;
    }
  }
  return out + "</svg>\n";
}

std::string Diagram::png() const {
  Canvas canvas(width_, height_);
  for (const Shape& s : shapes_) {
    switch (s.kind) {
      case Shape::kArea:
        canvas.area(s.points[0], s.points[1], s.color);
        break;
      case Shape::kLine:
        canvas.line(s.points, s.color, s.size, s.dashed);
        break;
      case Shape::kDot:
        canvas.dot(s.points[0], s.size, s.color);
        break;
      case Shape::kWords:
        canvas.words(s.points[0], escape_controls(s.text), s.color, s.anchor, s.upwards);
        break;
    }
  }
  return png_of(canvas.image());
}

}  // namespace hft::media
