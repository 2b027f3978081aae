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

// What was seen in a picture of that size: logits [Q, ·] and boxes [Q, 4] of Q queries, centre x, y,
// width and height as parts of the picture.
struct SeenBoxes {
  std::span<const float> logits, boxes;
  std::int64_t queries;
  double width, height;
};

// logits [Q, L + 1], the last of a row: nothing there. Those whose best score is above the threshold,
// in query order.
std::vector<Detection> detections(const SeenBoxes& seen, double threshold);

// logits [Q, L], each label by itself: of the `most` best scores of all queries and labels those above
// the threshold, best first.
std::vector<Detection> top_detections(const SeenBoxes& seen, std::int64_t most, double threshold);

}  // namespace hft
