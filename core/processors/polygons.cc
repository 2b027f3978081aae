// Reference: rleFrPoly of cocoapi's maskApi.c: an outline is drawn on a grid five times finer, and
// pixels are inside from every second of its crossings of their columns' middles to the next.
#include "core/processors/polygons.h"

#include <algorithm>
#include <cmath>

#include "core/base/error.h"
#include "core/processors/run_lengths.h"

namespace hft {
namespace {

constexpr int kFiner = 5;
constexpr double kFarthest = 1e5;  // pixels; more would be an outline without end

struct FinePoint {
  int x = 0, y = 0;
};

std::vector<FinePoint> corners_of(const std::vector<double>& polygon) {
  if (polygon.size() < 6 || polygon.size() % 2 != 0)
    fail(Errc::kBadData, "has a polygon of ", polygon.size(),
         " numbers, wanted x and y of three corners or more");
  const auto fine = [](double at) {
    if (!(std::abs(at) <= kFarthest)) fail(Errc::kBadData, "has a polygon with a corner at ", at);
    return static_cast<int>(kFiner * at + 0.5);
  };
  std::vector<FinePoint> corners;
  for (std::size_t i = 0; i < polygon.size(); i += 2)
    corners.push_back({fine(polygon[i]), fine(polygon[i + 1])});
  return corners;
}

// From corner to corner, each step one unit along the longer side.
std::vector<FinePoint> outline_of(const std::vector<FinePoint>& corners) {
  std::vector<FinePoint> points;
  for (std::size_t i = 0; i < corners.size(); ++i) {
    FinePoint from = corners[i], to = corners[(i + 1) % corners.size()];
    const int across = std::abs(to.x - from.x), down = std::abs(to.y - from.y);
    const bool wide = across >= down, back = wide ? from.x > to.x : from.y > to.y;
    if (back) std::swap(from, to);
    const int steps = std::max(across, down);
    const double slope =
        steps == 0 ? 0 : static_cast<double>(wide ? to.y - from.y : to.x - from.x) / steps;
    for (int s = 0; s <= steps; ++s) {
      const int along = back ? steps - s : s;
      const auto beside = [&](int begin) { return static_cast<int>(begin + slope * along + 0.5); };
      points.push_back(wide ? FinePoint{from.x + along, beside(from.y)}
                            : FinePoint{beside(from.x), from.y + along});
    }
  }
  return points;
}

// Where the outline crosses the middles of columns, as places of pixels column after column, sorted.
std::vector<std::int64_t> crossings_of(const std::vector<FinePoint>& outline, std::int64_t height,
                                       std::int64_t width) {
  std::vector<std::int64_t> places;
  for (std::size_t i = 1; i < outline.size(); ++i) {
    const FinePoint& a = outline[i - 1];
    const FinePoint& b = outline[i];
    if (a.x == b.x) continue;
    const int left = b.x < a.x ? b.x : b.x - 1;
    if (left < 0 || left % kFiner != kFiner / 2 || left / kFiner >= width) continue;
    const double y = (std::min(a.y, b.y) + 0.5) / kFiner - 0.5;
    const double row = std::ceil(std::clamp(y, 0.0, static_cast<double>(height)));
    places.push_back(left / kFiner * height + static_cast<std::int64_t>(row));
  }
  std::ranges::sort(places);
  return places;
}

}  // namespace

std::vector<std::uint32_t> runs_of_polygons(const std::vector<std::vector<double>>& polygons,
                                            std::int64_t height, std::int64_t width) {
  std::vector<std::uint8_t> inside(static_cast<std::size_t>(height * width));  // by columns
  for (const auto& polygon : polygons) {
    auto places = crossings_of(outline_of(corners_of(polygon)), height, width);
    places.push_back(height * width);
    for (std::size_t i = 0; i + 1 < places.size(); i += 2)
      std::fill(inside.begin() + places[i], inside.begin() + places[i + 1], std::uint8_t{1});
  }
  return run_lengths_of_columns(inside);
}

}  // namespace hft
