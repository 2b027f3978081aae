// How a picture of any size is seen in tiles of one size, and in how many tokens (LLaVA-NeXT's and
// LLaVA-OneVision's "anyres"). Reference: select_best_resolution, get_patch_output_size, unpad_image.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/json.h"

namespace hft {

struct PictureSize {
  std::int64_t height = 0, width = 0;
  bool operator==(const PictureSize&) const = default;
};

// image_grid_pinpoints of a config, [[height, width], …]; the default of OneVision's classes.
std::vector<PictureSize> resolutions_of(const Fields& config);
// The one that keeps most of the picture and wastes least.
PictureSize best_resolution(PictureSize picture, const std::vector<PictureSize>& resolutions);
// The picture's size within `best`, which it touches.
PictureSize fitted(PictureSize picture, PictureSize best);
// The middle of `padded` that shows the picture.
PictureSize unpadded(PictureSize picture, PictureSize padded);
// A grid that is far over `most` tiles of `side` x `side` cells is shrunk.
PictureSize shrunk(PictureSize grid, std::int64_t most, std::int64_t side);
// "anyres_max_9": 9.
std::int64_t most_tiles(const Fields& config);

}  // namespace hft
