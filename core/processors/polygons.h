// Polygons as masks, in COCO's run lengths: what cocoapi makes of its annotations.
#pragma once

#include <cstdint>
#include <vector>

namespace hft {

// Corners x, y, x, y … of each, in pixels; a pixel inside any of them is in the mask. kBadData for
// one of fewer than three corners, or with a corner far outside.
std::vector<std::uint32_t> runs_of_polygons(const std::vector<std::vector<double>>& polygons,
                                            std::int64_t height, std::int64_t width);

}  // namespace hft
