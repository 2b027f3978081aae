#include "core/metrics/classification.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/metrics/ranks.h"

namespace hft::metrics {
namespace {

double quotient(double a, double b) { return b == 0 ? 0 : a / b; }

}  // namespace

Scores scores(const Counts& c) {
  const auto hits = static_cast<double>(c.hits), predicted = static_cast<double>(c.predicted),
             actual = static_cast<double>(c.actual);
  return {quotient(hits, predicted), quotient(hits, actual),
          quotient(2 * hits, predicted + actual), c.actual};
}

ClassScores class_scores(std::span<const Counts> counts) {
  ClassScores all;
  Counts sum;
  double classes = 0;
  for (const Counts& c : counts) {
    const Scores& s = all.classes.emplace_back(scores(c));
    sum.hits += c.hits, sum.predicted += c.predicted, sum.actual += c.actual;
    const auto support = static_cast<double>(s.support);
    classes += 1;
    all.macro.precision += s.precision, all.macro.recall += s.recall, all.macro.f1 += s.f1;
    all.weighted.precision += s.precision * support;
    all.weighted.recall += s.recall * support;
    all.weighted.f1 += s.f1 * support;
  }
  const auto divide = [&](Scores& s, double by) {
    s = {quotient(s.precision, by), quotient(s.recall, by), quotient(s.f1, by), sum.actual};
  };
  divide(all.macro, classes);
  divide(all.weighted, static_cast<double>(sum.actual));
  all.micro = scores(sum);
  return all;
}

Confusion confusion(std::span<const std::int64_t> truth, std::span<const std::int64_t> predicted,
                    std::int64_t classes) {
  Confusion c{classes, std::vector<std::int64_t>(static_cast<std::size_t>(classes * classes))};
  for (std::size_t i = 0; i < truth.size(); ++i)
    ++c.counts[static_cast<std::size_t>(truth[i] * classes + predicted[i])];
  return c;
}

std::vector<Counts> counts_of(const Confusion& c) {
  std::vector<Counts> all(static_cast<std::size_t>(c.classes));
  for (std::int64_t t = 0; t < c.classes; ++t)
    for (std::int64_t p = 0; p < c.classes; ++p) {
      const std::int64_t n = c.at(t, p);
      all[static_cast<std::size_t>(t)].actual += n;
      all[static_cast<std::size_t>(p)].predicted += n;
      if (t == p) all[static_cast<std::size_t>(t)].hits += n;
    }
  return all;
}

double accuracy(const Confusion& c) {
  double right = 0, all = 0;
  for (const Counts& one : counts_of(c))
    right += static_cast<double>(one.hits), all += static_cast<double>(one.actual);
  return quotient(right, all);
}

double matthews(const Confusion& c) {
  double right = 0, all = 0, both = 0, predicted = 0, actual = 0;
  for (const Counts& one : counts_of(c)) {
    const auto p = static_cast<double>(one.predicted), t = static_cast<double>(one.actual);
    right += static_cast<double>(one.hits);
    all += t;
    both += p * t;
    predicted += p * p;
    actual += t * t;
  }
  const double spread = (all * all - predicted) * (all * all - actual);
  return spread == 0 ? 0 : (right * all - both) / std::sqrt(spread);
}

double log_loss(std::span<const std::int64_t> truth, std::span<const double> probabilities,
                double eps) {
  if (truth.empty()) return std::numeric_limits<double>::quiet_NaN();
  const std::size_t classes = probabilities.size() / truth.size();
  double sum = 0;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    const double p = probabilities[i * classes + static_cast<std::size_t>(truth[i])];
    sum -= std::log(std::clamp(p, eps, 1 - eps));
  }
  return sum / static_cast<double>(truth.size());
}

double auroc(const std::vector<bool>& positive, std::span<const double> scores) {
  const std::vector<double> rank = ranks(scores);
  double sum = 0, yes = 0;
  for (std::size_t i = 0; i < rank.size(); ++i)
    if (positive[i]) sum += rank[i], yes += 1;
  const double no = static_cast<double>(rank.size()) - yes;
  if (yes == 0 || no == 0) return std::numeric_limits<double>::quiet_NaN();
  return (sum - yes * (yes + 1) / 2) / (yes * no);
}

std::vector<CalibrationBin> calibration(const std::vector<bool>& right,
                                        std::span<const double> confidences, int bins) {
  std::vector<CalibrationBin> all;
  for (int b = 0; b < bins; ++b) all.push_back({double(b) / bins, double(b + 1) / bins});
  for (std::size_t i = 0; i < right.size(); ++i) {
    std::size_t b = 0;
    while (b + 1 < all.size() && confidences[i] > all[b].high) ++b;
    ++all[b].count;
    all[b].confidence += confidences[i];
    all[b].accuracy += right[i];
  }
  for (CalibrationBin& b : all) {
    b.confidence = quotient(b.confidence, static_cast<double>(b.count));
    b.accuracy = quotient(b.accuracy, static_cast<double>(b.count));
  }
  return all;
}

double calibration_error(std::span<const CalibrationBin> bins) {
  double sum = 0, all = 0;
  for (const CalibrationBin& b : bins) {
    sum += std::abs(b.accuracy - b.confidence) * static_cast<double>(b.count);
    all += static_cast<double>(b.count);
  }
  return quotient(sum, all);
}

}  // namespace hft::metrics
