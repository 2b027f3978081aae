// Figures of segmented pictures: mean intersection over union, and panoptic quality as panopticapi
// computes it (Kirillov et al. 2019).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace hft::metrics {

// Summed over the pictures of a data set, by class.
struct RegionCounts {
  std::vector<std::int64_t> both, predicted, actual;  // pixels
  explicit RegionCounts(std::size_t classes) : both(classes), predicted(classes), actual(classes) {}
  // One class a pixel. Pixels of truth `ignored` are left out, and classes that do not exist.
  void add(std::span<const std::int64_t> predicted, std::span<const std::int64_t> truth,
           std::int64_t ignored = -1);
};
// A class that neither side has is left out of the means.
struct RegionScores {
  double mean_iou = 0, mean_accuracy = 0, overall_accuracy = 0;
  std::vector<double> iou;  // NaN for such a class
};
RegionScores region_scores(const RegionCounts& counts);

struct Segment {
  std::int64_t id = 0, category = 0;
  bool crowd = false;
};
// A picture parted into segments: the id of each pixel, 0 for none.
struct Panoptic {
  std::span<const std::int64_t> ids;
  std::span<const Segment> segments;
};
struct PanopticCounts {
  double iou = 0;
  std::int64_t matched = 0, extra = 0, missed = 0;
};
// Adds one picture to the counts of the categories [0, counts.size()).
void add_panoptic(const Panoptic& predicted, const Panoptic& truth,
                  std::vector<PanopticCounts>& counts);

struct PanopticScores {
  double quality = 0, segmentation = 0, recognition = 0;  // means over categories that occur
};
PanopticScores panoptic_scores(std::span<const PanopticCounts> counts);

}  // namespace hft::metrics
