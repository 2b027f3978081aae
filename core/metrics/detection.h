// Average precision of boxes over COCO's thresholds, as pycocotools' COCOeval computes it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace hft::metrics {

struct Box {
  double x = 0, y = 0, width = 0, height = 0;
};

struct TrueBox {
  std::int64_t image = 0, category = 0;
  Box box;
  double area = 0;     // of the object, which may be less than its box's
  bool crowd = false;  // a region of many: it takes any number of detections and counts for none
};
struct DetectedBox {
  std::int64_t image = 0, category = 0;
  Box box;
  double score = 0;
};

// The twelve figures of COCO; -1 where there is no truth of that size.
struct CocoFigures {
  double ap = 0, ap50 = 0, ap75 = 0, ap_small = 0, ap_medium = 0, ap_large = 0;
  double ar1 = 0, ar10 = 0, ar100 = 0, ar_small = 0, ar_medium = 0, ar_large = 0;
};
CocoFigures coco_figures(std::span<const TrueBox> truth, std::span<const DetectedBox> detected);

// Intersection over union; over the area of `box` alone when `truth` is a crowd.
double intersection_over_union(const Box& box, const Box& truth, bool crowd = false);

}  // namespace hft::metrics
