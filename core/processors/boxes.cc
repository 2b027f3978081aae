// Reference: post_process_object_detection of image_processing_detr.py.
#include "core/processors/boxes.h"

#include <algorithm>

#include "core/processors/scores.h"

namespace hft {

std::vector<Detection> detections(std::span<const float> logits, std::span<const float> boxes,
                                  std::int64_t queries, double width, double height,
                                  double threshold) {
  const auto columns = logits.size() / static_cast<std::size_t>(std::max<std::int64_t>(queries, 1));
  const auto w = static_cast<float>(width), h = static_cast<float>(height);
  std::vector<Detection> found;
  for (std::int64_t q = 0; q < queries; ++q) {
    const auto scores = softmax_of(logits.subspan(q * columns, columns));
    const auto most = std::max_element(scores.begin(), scores.end() - 1);
    if (!(static_cast<double>(*most) > threshold)) continue;
    const float* b = &boxes[q * 4];
    found.push_back({.label = most - scores.begin(),
                     .score = *most,
                     .xmin = (b[0] - 0.5f * b[2]) * w,
                     .ymin = (b[1] - 0.5f * b[3]) * h,
                     .xmax = (b[0] + 0.5f * b[2]) * w,
                     .ymax = (b[1] + 0.5f * b[3]) * h});
  }
  return found;
}

}  // namespace hft
