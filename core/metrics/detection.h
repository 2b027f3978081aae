// Average precision of boxes and masks over COCO's thresholds, as pycocotools' COCOeval computes it.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace hft::metrics {

struct Box {
  double x = 0, y = 0, width = 0, height = 0;
};

// COCO's run lengths of an object's pixels: outside, inside, outside …, down the columns; empty: its
// box is what is compared. All of a picture have its size.
using MaskRuns = std::span<const std::uint32_t>;

struct TrueBox {
  std::int64_t image = 0, category = 0;
  Box box;
  double area = 0;     // of the object, which may be less than its box's
  bool crowd = false;  // a region of many: it takes any number of detections and counts for none
  MaskRuns mask = {};
};
struct DetectedBox {
  std::int64_t image = 0, category = 0;
  Box box;
  double score = 0;
  MaskRuns mask = {};
};

// One of COCO's figures: the mean of the precisions at 101 recalls, or of the recalls reached, over
// categories and thresholds.
struct CocoFigure {
  enum Size { kAny, kSmall, kMedium, kLarge } size = kAny;
  std::size_t limit = 100;  // detections of a picture and category that count, the best first
  int threshold = -1;       // of 0.5, 0.55, … 0.95; -1: all of them
  bool recall = false;
};

struct CocoScene;

// Which detection found which box, settled once; figures are then made of any of the pictures.
class CocoMatches {
 public:
  CocoMatches(std::span<const TrueBox> truth, std::span<const DetectedBox> detected);
  // `times`: how often each picture counts, by its number, from 0 on; none: once each. -1 where
  // there is nothing of that size to find.
  double figure(const CocoFigure& of, std::span<const std::int64_t> times = {}) const;

 private:
  struct Found {  // a detection
    double score = 0;
    std::int64_t image = 0;
    std::size_t place = 0;                // among those of its picture, by score
    std::uint16_t matched = 0, left_out = 0;  // a bit a threshold
  };
  struct Wanted {
    std::int64_t image = 0, boxes = 0;
  };
  struct Scenes {  // of one category and size
    std::vector<Found> found;  // the best first
    std::vector<Wanted> wanted;
  };
  static Scenes scenes_of(const std::vector<CocoScene>& all, std::size_t size);
  std::vector<std::array<Scenes, 4>> categories_;
};

// The twelve figures of COCO; -1 where there is no truth of that size.
struct CocoFigures {
  double ap = 0, ap50 = 0, ap75 = 0, ap_small = 0, ap_medium = 0, ap_large = 0;
  double ar1 = 0, ar10 = 0, ar100 = 0, ar_small = 0, ar_medium = 0, ar_large = 0;
};
CocoFigures coco_figures(std::span<const TrueBox> truth, std::span<const DetectedBox> detected);

// Intersection over union; over the area of `box` alone when `truth` is a crowd.
double intersection_over_union(const Box& box, const Box& truth, bool crowd = false);
double intersection_over_union(MaskRuns mask, MaskRuns truth, bool crowd = false);
// Pixels inside.
double area_of(MaskRuns mask);

}  // namespace hft::metrics
