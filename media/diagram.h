// Diagrams of lines, areas and words, written as SVG or as PNG.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "media/text.h"

namespace hft::media {

struct Point {
  double x = 0, y = 0;
};

class Diagram {
 public:
  Diagram(int width, int height) : width_(width), height_(height) {}

  enum class Stroke { kPlain, kDashed };
  enum class Anchor { kStart, kMiddle, kEnd };

  void area(Point corner, double width, double height, Color color);
  void line(std::vector<Point> points, Color color, double width = 1,
            Stroke stroke = Stroke::kPlain);
  void dot(Point centre, double radius, Color color);
  // Its baseline begins, is centred or ends there.
  void words(Point at, std::string_view text, Anchor anchor = Anchor::kMiddle, Color color = {});
  // The same, read from below to above.
  void words_upwards(Point at, std::string_view text, Anchor anchor = Anchor::kMiddle);

  std::string svg() const;
  // Twice as many pixels a side, for screens that have them.
  std::string png() const;

 private:
  struct Shape {
    enum { kArea, kLine, kDot, kWords } kind;
    std::vector<Point> points;  // of an area: its corner, and width and height
    Color color;
    double size = 0;  // of a line: its width; of a dot: its radius
    bool dashed = false, upwards = false;
    std::string text{};
    Anchor anchor = Anchor::kMiddle;
  };
  int width_, height_;
  std::vector<Shape> shapes_;
};

}  // namespace hft::media
