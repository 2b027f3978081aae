// What a detector saw, as boxes of the picture.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace hft {

struct Detection {
  std::int64_t label = 0;
  float score = 0;
  float xmin = 0, ymin = 0, xmax = 0, ymax = 0;  // pixels, not clipped to the picture
};

// logits [Q, L + 1], the last of a row: nothing there; boxes [Q, 4]: centre x, y, width and height as
// parts of a picture of that size. Those whose best score is above the threshold, in query order.
std::vector<Detection> detections(std::span<const float> logits, std::span<const float> boxes,
                                  std::int64_t queries, double width, double height,
                                  double threshold);

}  // namespace hft
