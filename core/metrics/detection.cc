#include "core/metrics/detection.h"

#include <algorithm>
#include <array>
#include <limits>
#include <map>

namespace hft::metrics {

// The boxes of one category in one picture.
struct CocoScene {
  std::int64_t image = 0;
  std::vector<const TrueBox*> truth;
  std::vector<const DetectedBox*> detected;  // best first, 100 at most
};

namespace {

constexpr std::size_t kThresholds = 10, kRecalls = 101, kMost = 100;

double threshold(std::size_t t) { return 0.5 + 0.05 * static_cast<double>(t); }

struct Range {
  double low, high;
  bool holds(double area) const { return area >= low && area <= high; }
};
constexpr double kAnyArea = 1e10;
constexpr std::array<Range, 4> kRanges{
    {{0, kAnyArea}, {0, 32.0 * 32}, {32.0 * 32, 96.0 * 96}, {96.0 * 96, kAnyArea}}};

// What became of one detection at each threshold.
struct Outcome {
  double score = 0;
  std::array<bool, kThresholds> matched{}, ignored{};
};
double overlap(const DetectedBox& found, const TrueBox& truth) {
  return truth.mask.empty() ? intersection_over_union(found.box, truth.box, truth.crowd)
                            : intersection_over_union(found.mask, truth.mask, truth.crowd);
}
double area_of(const DetectedBox& found) {
  return found.mask.empty() ? found.box.width * found.box.height : metrics::area_of(found.mask);
}

struct SceneOutcome {
  std::vector<Outcome> detected;
  std::int64_t wanted = 0;  // boxes to find
};

// The best box of the truth that no better detection took; boxes that count stand before others.
int match(const std::vector<double>& overlaps, const std::vector<const TrueBox*>& truth,
          const std::vector<bool>& ignored, const std::vector<bool>& taken, double least) {
  int best = -1;
  double reached = std::min(least, 1 - 1e-10);
  for (std::size_t g = 0; g < truth.size(); ++g) {
    if (taken[g] && !truth[g]->crowd) continue;
    if (best >= 0 && !ignored[static_cast<std::size_t>(best)] && ignored[g]) break;
    if (overlaps[g] < reached) continue;
    reached = overlaps[g];
    best = static_cast<int>(g);
  }
  return best;
}

SceneOutcome outcome_of(const CocoScene& scene, const Range& range) {
  const auto left_out = [&](const TrueBox* box) { return box->crowd || !range.holds(box->area); };
  std::vector<const TrueBox*> truth = scene.truth;
  std::ranges::stable_sort(truth, {}, left_out);
  std::vector<bool> ignored;
  for (const TrueBox* box : truth) ignored.push_back(left_out(box));
  SceneOutcome all;
  all.wanted = std::ranges::count(ignored, false);
  std::vector<std::vector<double>> overlaps;
  for (const DetectedBox* d : scene.detected) {
    all.detected.push_back({d->score});
    std::vector<double>& row = overlaps.emplace_back();
    for (const TrueBox* box : truth) row.push_back(overlap(*d, *box));
  }
  for (std::size_t t = 0; t < kThresholds; ++t) {
    std::vector<bool> taken(truth.size());
    for (std::size_t d = 0; d < scene.detected.size(); ++d) {
      const int found = match(overlaps[d], truth, ignored, taken, threshold(t));
      Outcome& one = all.detected[d];
      one.matched[t] = found >= 0;
      one.ignored[t] = found >= 0 ? ignored[static_cast<std::size_t>(found)]
                                  : !range.holds(area_of(*scene.detected[d]));
      if (found >= 0) taken[static_cast<std::size_t>(found)] = true;
    }
  }
  return all;
}

struct Mean {
  double sum = 0, count = 0;
  void add(double value) { sum += value, count += 1; }
  double value() const { return count == 0 ? -1 : sum / count; }
};

// Precision by recall, of one category at one threshold.
struct Curve {
  std::vector<double> recall, precision;

  void add_precisions(Mean& to) {
    for (std::size_t i = precision.size(); i-- > 1;)
      precision[i - 1] = std::max(precision[i - 1], precision[i]);
    for (std::size_t r = 0; r < kRecalls; ++r) {
      const double wanted = static_cast<double>(r) * 0.01;
      const auto at =
          static_cast<std::size_t>(std::ranges::lower_bound(recall, wanted) - recall.begin());
      to.add(at < precision.size() ? precision[at] : 0);
    }
  }
};

}  // namespace

double intersection_over_union(const Box& a, const Box& b, bool crowd) {
  const double width = std::min(a.x + a.width, b.x + b.width) - std::max(a.x, b.x),
               height = std::min(a.y + a.height, b.y + b.height) - std::max(a.y, b.y);
  if (width <= 0 || height <= 0) return 0;
  const double both = width * height, own = a.width * a.height;
  return both / (crowd ? own : own + b.width * b.height - both);
}

double area_of(MaskRuns mask) {
  double area = 0;
  for (std::size_t i = 1; i < mask.size(); i += 2) area += mask[i];
  return area;
}

double intersection_over_union(MaskRuns a, MaskRuns b, bool crowd) {
  double both = 0;
  std::size_t i = 0, j = 0;  // runs, of which so many pixels are left
  std::uint32_t left = a.empty() ? 0 : a[0], right = b.empty() ? 0 : b[0];
  while (i < a.size() && j < b.size()) {
    const std::uint32_t step = std::min(left, right);
    if (i % 2 == 1 && j % 2 == 1) both += step;
    left -= step;
    right -= step;
    if (left == 0 && ++i < a.size()) left = a[i];
    if (right == 0 && ++j < b.size()) right = b[j];
  }
  if (both == 0) return 0;
  return both / (crowd ? area_of(a) : area_of(a) + area_of(b) - both);
}

CocoMatches::Scenes CocoMatches::scenes_of(const std::vector<CocoScene>& all, std::size_t size) {
  Scenes scenes;
  for (const CocoScene& scene : all) {
    const SceneOutcome outcome = outcome_of(scene, kRanges[size]);
    scenes.wanted.push_back({scene.image, outcome.wanted});
    for (std::size_t place = 0; place < outcome.detected.size(); ++place) {
      const Outcome& one = outcome.detected[place];
      Found found{one.score, scene.image, place};
      for (std::size_t t = 0; t < kThresholds; ++t) {
        found.matched |= static_cast<std::uint16_t>(one.matched[t] << t);
        found.left_out |= static_cast<std::uint16_t>(one.ignored[t] << t);
      }
      scenes.found.push_back(found);
    }
  }
  std::ranges::stable_sort(scenes.found, std::greater(), &Found::score);
  return scenes;
}

CocoMatches::CocoMatches(std::span<const TrueBox> truth, std::span<const DetectedBox> detected) {
  std::map<std::int64_t, std::map<std::int64_t, CocoScene>> categories;  // category, picture
  for (const TrueBox& box : truth) categories[box.category][box.image].truth.push_back(&box);
  for (const DetectedBox& box : detected)
    categories[box.category][box.image].detected.push_back(&box);
  for (auto& [category, by_image] : categories) {
    std::vector<CocoScene> scenes;
    for (auto& [image, scene] : by_image) {
      scene.image = image;
      std::ranges::stable_sort(scene.detected, std::greater(), &DetectedBox::score);
      if (scene.detected.size() > kMost) scene.detected.resize(kMost);
      scenes.push_back(std::move(scene));
    }
    auto& sizes = categories_.emplace_back();
    for (std::size_t size = 0; size < sizes.size(); ++size) sizes[size] = scenes_of(scenes, size);
  }
}

double CocoMatches::figure(const CocoFigure& of, std::span<const std::int64_t> times) const {
  const auto times_of = [&](std::int64_t image) {
    return static_cast<double>(times.empty() ? 1 : times[static_cast<std::size_t>(image)]);
  };
  const std::size_t first = of.threshold < 0 ? 0 : static_cast<std::size_t>(of.threshold),
                    last = of.threshold < 0 ? kThresholds : first + 1;
  Mean mean;
  Curve curve;
  for (const auto& sizes : categories_) {
    const Scenes& scenes = sizes[of.size];
    double wanted = 0;
    for (const Wanted& one : scenes.wanted)
      wanted += times_of(one.image) * static_cast<double>(one.boxes);
    if (wanted == 0) continue;
    for (std::size_t t = first; t < last; ++t) {
      curve.recall.clear();
      curve.precision.clear();
      double hits = 0, misses = 0;
      for (const Found& one : scenes.found) {
        const double counts = times_of(one.image);
        if (counts == 0 || one.place >= of.limit) continue;
        if (!(one.left_out >> t & 1)) (one.matched >> t & 1 ? hits : misses) += counts;
        curve.recall.push_back(hits / wanted);
        curve.precision.push_back(hits / (hits + misses + std::numeric_limits<double>::epsilon()));
      }
      if (of.recall)
        mean.add(curve.recall.empty() ? 0 : curve.recall.back());
      else
        curve.add_precisions(mean);
    }
  }
  return mean.value();
}

CocoFigures coco_figures(std::span<const TrueBox> truth, std::span<const DetectedBox> detected) {
  using enum CocoFigure::Size;
  const CocoMatches matches(truth, detected);
  const auto ap = [&](CocoFigure::Size size, int threshold = -1) {
    return matches.figure({.size = size, .threshold = threshold});
  };
  const auto ar = [&](CocoFigure::Size size, std::size_t limit) {
    return matches.figure({.size = size, .limit = limit, .recall = true});
  };
  return {ap(kAny),      ap(kAny, 0),     ap(kAny, 5),      ap(kSmall),
          ap(kMedium),   ap(kLarge),      ar(kAny, 1),      ar(kAny, 10),
          ar(kAny, 100), ar(kSmall, 100), ar(kMedium, 100), ar(kLarge, 100)};
}

}  // namespace hft::metrics
