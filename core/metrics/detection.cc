#include "core/metrics/detection.h"

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <numeric>
#include <set>

namespace hft::metrics {
namespace {

constexpr std::size_t kThresholds = 10, kRecalls = 101, kMost = 100;
constexpr std::array<std::size_t, 3> kLimits{1, 10, kMost};

double threshold(std::size_t t) { return 0.5 + 0.05 * static_cast<double>(t); }

struct Range {
  double low, high;
  bool holds(double area) const { return area >= low && area <= high; }
};
constexpr double kAny = 1e10;
constexpr std::array<Range, 4> kRanges{
    {{0, kAny}, {0, 32.0 * 32}, {32.0 * 32, 96.0 * 96}, {96.0 * 96, kAny}}};

// The boxes of one category in one picture.
struct Scene {
  std::vector<const TrueBox*> truth;
  std::vector<const DetectedBox*> detected;  // best first, 100 at most
};

// What became of one detection at each threshold.
struct Outcome {
  double score = 0;
  std::array<bool, kThresholds> matched{}, ignored{};
};
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

SceneOutcome outcome_of(const Scene& scene, const Range& range) {
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
    for (const TrueBox* box : truth)
      row.push_back(intersection_over_union(d->box, box->box, box->crowd));
  }
  for (std::size_t t = 0; t < kThresholds; ++t) {
    std::vector<bool> taken(truth.size());
    for (std::size_t d = 0; d < scene.detected.size(); ++d) {
      const Box& box = scene.detected[d]->box;
      const int found = match(overlaps[d], truth, ignored, taken, threshold(t));
      Outcome& one = all.detected[d];
      one.matched[t] = found >= 0;
      one.ignored[t] = found >= 0 ? ignored[static_cast<std::size_t>(found)]
                                  : !range.holds(box.width * box.height);
      if (found >= 0) taken[static_cast<std::size_t>(found)] = true;
    }
  }
  return all;
}

// Of one category, size and limit at one threshold.
struct Curve {
  std::array<double, kRecalls> precision{};
  double recall = 0;
};

Curve curve_of(const std::vector<const Outcome*>& detected, std::size_t t, double wanted) {
  std::vector<double> recall, precision;
  double hits = 0, misses = 0;
  for (const Outcome* one : detected) {
    hits += one->matched[t] && !one->ignored[t];
    misses += !one->matched[t] && !one->ignored[t];
    recall.push_back(hits / wanted);
    precision.push_back(hits / (hits + misses + std::numeric_limits<double>::epsilon()));
  }
  for (std::size_t i = precision.size(); i-- > 1;)
    precision[i - 1] = std::max(precision[i - 1], precision[i]);
  Curve curve;
  if (!recall.empty()) curve.recall = recall.back();
  for (std::size_t r = 0; r < kRecalls; ++r) {
    const double wanted_recall = static_cast<double>(r) * 0.01;
    const auto at = std::ranges::lower_bound(recall, wanted_recall) - recall.begin();
    if (static_cast<std::size_t>(at) < precision.size())
      curve.precision[r] = precision[static_cast<std::size_t>(at)];
  }
  return curve;
}

struct Mean {
  double sum = 0, count = 0;
  void add(double value) { sum += value, count += 1; }
  double value() const { return count == 0 ? -1 : sum / count; }
};

// Of one size and limit, over the categories: at all thresholds and at two of them.
struct Summary {
  Mean precision, precision50, precision75, recall;
};

void add(const std::vector<SceneOutcome>& scenes, std::size_t limit, Summary& to) {
  std::vector<const Outcome*> detected;
  double wanted = 0;
  for (const SceneOutcome& scene : scenes) {
    wanted += static_cast<double>(scene.wanted);
    for (std::size_t d = 0; d < std::min(limit, scene.detected.size()); ++d)
      detected.push_back(&scene.detected[d]);
  }
  if (wanted == 0) return;
  std::ranges::stable_sort(detected, std::greater(), &Outcome::score);
  for (std::size_t t = 0; t < kThresholds; ++t) {
    const Curve curve = curve_of(detected, t, wanted);
    to.recall.add(curve.recall);
    for (const double p : curve.precision) {
      to.precision.add(p);
      if (t == 0) to.precision50.add(p);
      if (t == 5) to.precision75.add(p);
    }
  }
}

}  // namespace

double intersection_over_union(const Box& a, const Box& b, bool crowd) {
  const double width = std::min(a.x + a.width, b.x + b.width) - std::max(a.x, b.x),
               height = std::min(a.y + a.height, b.y + b.height) - std::max(a.y, b.y);
  if (width <= 0 || height <= 0) return 0;
  const double both = width * height, own = a.width * a.height;
  return both / (crowd ? own : own + b.width * b.height - both);
}

CocoFigures coco_figures(std::span<const TrueBox> truth, std::span<const DetectedBox> detected) {
  std::map<std::int64_t, std::map<std::int64_t, Scene>> categories;  // category, picture
  for (const TrueBox& box : truth) categories[box.category][box.image].truth.push_back(&box);
  for (const DetectedBox& box : detected)
    categories[box.category][box.image].detected.push_back(&box);
  std::array<std::array<Summary, kLimits.size()>, kRanges.size()> summaries;
  for (auto& [category, scenes] : categories) {
    for (auto& [image, scene] : scenes) {
      std::ranges::stable_sort(scene.detected, std::greater(), &DetectedBox::score);
      if (scene.detected.size() > kMost) scene.detected.resize(kMost);
    }
    for (std::size_t r = 0; r < kRanges.size(); ++r) {
      std::vector<SceneOutcome> outcomes;
      for (const auto& [image, scene] : scenes) outcomes.push_back(outcome_of(scene, kRanges[r]));
      for (std::size_t l = 0; l < kLimits.size(); ++l) add(outcomes, kLimits[l], summaries[r][l]);
    }
  }
  const auto& all = summaries[0];
  return {all[2].precision.value(),     all[2].precision50.value(),
          all[2].precision75.value(),   summaries[1][2].precision.value(),
          summaries[2][2].precision.value(), summaries[3][2].precision.value(),
          all[0].recall.value(),        all[1].recall.value(),
          all[2].recall.value(),        summaries[1][2].recall.value(),
          summaries[2][2].recall.value(),    summaries[3][2].recall.value()};
}

}  // namespace hft::metrics
