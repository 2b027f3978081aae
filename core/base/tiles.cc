#include "core/base/tiles.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "core/base/error.h"
#include "core/base/limits.h"

namespace hft {
namespace {

constexpr std::int64_t kMostEdge = 1 << 16;

// Python's int(round(x, 7)).
std::int64_t rounded_down(double x) {
  char text[64];
  std::snprintf(text, sizeof text, "%.7f", x);
  return std::strtoll(text, nullptr, 10);
}

// Python's x // y.
std::int64_t floor_divided(double x, double y) {
  const double quotient = (x - std::fmod(x, y)) / y;
  const double whole = std::floor(quotient);
  return static_cast<std::int64_t>(quotient - whole > 0.5 ? whole + 1 : whole);
}

double real(std::int64_t x) { return static_cast<double>(x); }

}  // namespace

std::vector<PictureSize> resolutions_of(const Fields& config) {
  std::vector<PictureSize> all;
  const Json* list = config.find("image_grid_pinpoints");
  if (!list) {
    constexpr std::int64_t kEdge = 384, kMost = 6;
    for (std::int64_t y = 1; y <= kMost; ++y)
      for (std::int64_t x = 1; x <= kMost; ++x) all.push_back({kEdge * y, kEdge * x});
    return all;
  }
  const auto edge = [](const Json& x) {
    return x.is_number_integer() && x > 0 && x <= kMostEdge ? x.get<std::int64_t>() : 0;
  };
  if (list->is_array())
    for (const Json& one : *list)
      if (one.is_array() && one.size() == 2) all.push_back({edge(one[0]), edge(one[1])});
  if (all.empty() || all.size() != list->size() ||
      std::ranges::any_of(all, [](const PictureSize& s) {
        return s.height * s.width == 0 || s.height * s.width > limits::kImagePixels;
      }))
    fail(Errc::kBadData, config.where(), ": 'image_grid_pinpoints' wanted a list of [height, width], ",
         limits::kImagePixels, " pixels at most");
  return all;
}

PictureSize best_resolution(PictureSize picture, const std::vector<PictureSize>& resolutions) {
  PictureSize best = resolutions.front();
  std::int64_t most = 0, least = INT64_MAX;  // kept, wasted
  for (const PictureSize& one : resolutions) {
    const double scale = std::min(real(one.width) / real(picture.width),
                                  real(one.height) / real(picture.height));
    const auto width = static_cast<std::int64_t>(real(picture.width) * scale),
               height = static_cast<std::int64_t>(real(picture.height) * scale);
    const auto kept = std::min(width * height, picture.width * picture.height);
    const auto wasted = one.width * one.height - kept;
    if (kept < most || (kept == most && wasted >= least)) continue;
    most = kept;
    least = wasted;
    best = one;
  }
  return best;
}

PictureSize fitted(PictureSize picture, PictureSize best) {
  const double across = real(best.width) / real(picture.width),
               down = real(best.height) / real(picture.height);
  const auto edge = [](std::int64_t of, double scale, std::int64_t most) {
    return std::clamp<std::int64_t>(static_cast<std::int64_t>(std::ceil(real(of) * scale)), 1, most);
  };
  if (across < down) return {edge(picture.height, across, best.height), best.width};
  return {best.height, edge(picture.width, down, best.width)};
}

PictureSize unpadded(PictureSize picture, PictureSize padded) {
  const auto [height, width] = padded;
  const double given = real(picture.width) / real(picture.height), own = real(width) / real(height);
  if (given > own) {
    const auto high = rounded_down(real(picture.height) * (real(width) / real(picture.width)));
    return {height - 2 * ((height - high) / 2), width};
  }
  const auto wide = rounded_down(real(picture.width) * (real(height) / real(picture.height)));
  return {height, width - 2 * ((width - wide) / 2)};
}

PictureSize shrunk(PictureSize grid, std::int64_t most, std::int64_t side) {
  constexpr double kSlack = 1.1;
  const double ratio = std::sqrt(real(grid.height * grid.width) / real(most * side * side));
  if (ratio <= kSlack) return grid;
  return {floor_divided(real(grid.height), ratio), floor_divided(real(grid.width), ratio)};
}

std::int64_t most_tiles(const Fields& config) {
  const std::string text = config.text("vision_aspect_ratio", "anyres_max_9");
  const std::string_view lead = "anyres_max_";
  char* end = nullptr;
  const auto most = text.starts_with(lead) ? std::strtol(text.c_str() + lead.size(), &end, 10) : 0;
  if (most < 1 || *end != '\0')
    fail(Errc::kUnsupported, config.where(), ": vision_aspect_ratio '", text,
         "' is not supported, wanted anyres_max_ and a number");
  return most;
}

}  // namespace hft
