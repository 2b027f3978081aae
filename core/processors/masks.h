// What a segmenter saw, as regions of the picture.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace hft {

// Logits of queries: classes [Q, L + 1], the last of a row: nothing there; masks [Q, h, w]. Without
// queries: masks [L, h, w] of each label, and no classes.
struct MaskLogits {
  std::span<const float> classes, masks;
  std::int64_t queries = 0, height = 0, width = 0;
};

// How a family of models takes its logits.
struct MaskRules {
  std::int64_t side = 0;   // masks are brought to side x side first; 0: as they are
  bool instances = false;  // masks of instances are of their own, and may overlap
};

struct Segment {
  std::int32_t id = 0;
  std::int64_t label = 0;
  std::optional<double> score;  // rounded to 6 digits; none: of a label's whole area
};

struct Segmentation {
  std::int64_t height = 0, width = 0;
  std::vector<std::int32_t> ids;  // [height, width] of the segments; of none: another number
  std::vector<Segment> segments;
  std::vector<std::uint8_t> mask(const Segment& segment) const;  // 0 or 1
};

struct Thresholds {
  double score = 0.9, mask = 0.5, overlap = 0.5;
};

Segmentation panoptic(const MaskLogits& logits, const MaskRules& rules, const Thresholds& t,
                      std::int64_t height, std::int64_t width);
Segmentation instances(const MaskLogits& logits, const MaskRules& rules, const Thresholds& t,
                       std::int64_t height, std::int64_t width);
Segmentation semantic(const MaskLogits& logits, const MaskRules& rules, std::int64_t height,
                      std::int64_t width);

}  // namespace hft
