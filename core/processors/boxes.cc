// Reference: post_process_object_detection of image_processing_detr.py, image_processing_rt_detr.py
// and image_processing_conditional_detr.py.
#include "core/processors/boxes.h"

#include <algorithm>
#include <numeric>

#include "core/processors/scores.h"

namespace hft {
namespace {

std::size_t box_columns(const SeenBoxes& seen) {
  return seen.logits.size() / static_cast<std::size_t>(std::max<std::int64_t>(seen.queries, 1));
}

Detection detection_of(const SeenBoxes& seen, std::int64_t query, std::int64_t label, float score) {
  const auto w = static_cast<float>(seen.width), h = static_cast<float>(seen.height);
  const float* b = &seen.boxes[query * 4];
  return {.label = label,
          .score = score,
          .xmin = (b[0] - 0.5f * b[2]) * w,
          .ymin = (b[1] - 0.5f * b[3]) * h,
          .xmax = (b[0] + 0.5f * b[2]) * w,
          .ymax = (b[1] + 0.5f * b[3]) * h};
}

}  // namespace

std::vector<Detection> detections(const SeenBoxes& seen, double threshold) {
  const auto columns = box_columns(seen);
  std::vector<Detection> found;
  for (std::int64_t q = 0; q < seen.queries; ++q) {
    const auto scores = softmax_of(seen.logits.subspan(q * columns, columns));
    const auto most = std::max_element(scores.begin(), scores.end() - 1);
    if (!(static_cast<double>(*most) > threshold)) continue;
    found.push_back(detection_of(seen, q, most - scores.begin(), *most));
  }
  return found;
}

std::vector<Detection> top_detections(const SeenBoxes& seen, std::int64_t most, double threshold) {
  const auto columns = static_cast<std::int64_t>(box_columns(seen));
  const std::vector<float> scores = sigmoid(seen.logits);
  std::vector<std::int64_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  const auto end = order.begin() + std::min<std::int64_t>(most, std::ssize(order));
  std::partial_sort(order.begin(), end, order.end(), [&](auto a, auto b) {
    return scores[a] > scores[b] || (scores[a] == scores[b] && a < b);
  });
  std::vector<Detection> found;
  for (auto at = order.begin(); at != end && static_cast<double>(scores[*at]) > threshold; ++at)
    found.push_back(detection_of(seen, *at / columns, *at % columns, scores[*at]));
  return found;
}

}  // namespace hft
