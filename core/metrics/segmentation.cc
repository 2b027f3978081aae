#include "core/metrics/segmentation.h"

#include <limits>
#include <map>
#include <set>

namespace hft::metrics {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

struct Areas {
  std::map<std::pair<std::int64_t, std::int64_t>, double> both;  // truth, predicted
  std::map<std::int64_t, double> predicted, truth;
  double of(std::int64_t t, std::int64_t p) const {
    const auto found = both.find({t, p});
    return found == both.end() ? 0 : found->second;
  }
};

Areas areas_of(const Panoptic& predicted, const Panoptic& truth) {
  Areas areas;
  for (std::size_t i = 0; i < truth.ids.size(); ++i) {
    ++areas.both[{truth.ids[i], predicted.ids[i]}];
    ++areas.truth[truth.ids[i]];
    ++areas.predicted[predicted.ids[i]];
  }
  return areas;
}

std::map<std::int64_t, const Segment*> by_id(const Panoptic& picture) {
  std::map<std::int64_t, const Segment*> all;
  for (const Segment& segment : picture.segments) all[segment.id] = &segment;
  return all;
}

}  // namespace

void RegionCounts::add(std::span<const std::int64_t> got, std::span<const std::int64_t> truth,
                       std::int64_t ignored) {
  const auto known = [&](std::int64_t c) {
    return c >= 0 && static_cast<std::size_t>(c) < both.size();
  };
  for (std::size_t i = 0; i < truth.size(); ++i) {
    if (truth[i] == ignored) continue;
    if (known(truth[i])) ++actual[static_cast<std::size_t>(truth[i])];
    if (known(got[i])) ++predicted[static_cast<std::size_t>(got[i])];
    if (truth[i] == got[i] && known(got[i])) ++both[static_cast<std::size_t>(got[i])];
  }
}

RegionScores region_scores(const RegionCounts& counts) {
  RegionScores scores;
  double ious = 0, classes = 0, accuracies = 0, present = 0, right = 0, all = 0;
  for (std::size_t c = 0; c < counts.both.size(); ++c) {
    const auto both = static_cast<double>(counts.both[c]),
               actual = static_cast<double>(counts.actual[c]),
               either = actual + static_cast<double>(counts.predicted[c]) - both;
    scores.iou.push_back(either == 0 ? kNan : both / either);
    if (either > 0) ious += both / either, classes += 1;
    if (actual > 0) accuracies += both / actual, present += 1;
    right += both, all += actual;
  }
  scores.mean_iou = ious / classes;
  scores.mean_accuracy = accuracies / present;
  scores.overall_accuracy = right / all;
  return scores;
}

void add_panoptic(const Panoptic& predicted, const Panoptic& truth,
                  std::vector<PanopticCounts>& counts) {
  const Areas areas = areas_of(predicted, truth);
  const auto wanted = by_id(truth), got = by_id(predicted);
  std::set<std::int64_t> matched_truth, matched;
  for (const auto& [pair, both] : areas.both) {
    const auto t = wanted.find(pair.first);
    const auto p = got.find(pair.second);
    if (t == wanted.end() || p == got.end() || t->second->crowd ||
        t->second->category != p->second->category)
      continue;
    // What the truth leaves open counts against nobody.
    const double either = areas.predicted.at(pair.second) + areas.truth.at(pair.first) - both -
                          areas.of(0, pair.second);
    if (both / either <= 0.5) continue;
    PanopticCounts& count = counts[static_cast<std::size_t>(t->second->category)];
    count.iou += both / either;
    ++count.matched;
    matched_truth.insert(pair.first);
    matched.insert(pair.second);
  }
  std::map<std::int64_t, std::int64_t> crowds;  // of a category
  for (const Segment& segment : truth.segments) {
    if (segment.crowd)
      crowds[segment.category] = segment.id;
    else if (!matched_truth.contains(segment.id))
      ++counts[static_cast<std::size_t>(segment.category)].missed;
  }
  for (const Segment& segment : predicted.segments) {
    if (matched.contains(segment.id)) continue;
    double open = areas.of(0, segment.id);
    if (const auto crowd = crowds.find(segment.category); crowd != crowds.end())
      open += areas.of(crowd->second, segment.id);
    const auto area = areas.predicted.find(segment.id);
    if (area == areas.predicted.end() || open / area->second > 0.5) continue;
    ++counts[static_cast<std::size_t>(segment.category)].extra;
  }
}

PanopticScores panoptic_scores(std::span<const PanopticCounts> counts) {
  PanopticScores mean;
  double categories = 0;
  for (const PanopticCounts& c : counts) {
    const auto matched = static_cast<double>(c.matched);
    const double all = matched + 0.5 * static_cast<double>(c.extra + c.missed);
    if (all == 0) continue;
    categories += 1;
    mean.quality += c.iou / all;
    mean.segmentation += c.matched == 0 ? 0 : c.iou / matched;
    mean.recognition += matched / all;
  }
  if (categories > 0)
    mean = {mean.quality / categories, mean.segmentation / categories,
            mean.recognition / categories};
  return mean;
}

}  // namespace hft::metrics
