// Figures of labels that were predicted, as scikit-learn 1.9 defines them. A label is the number of
// its class, from 0; a quotient of nothing by nothing is 0.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace hft::metrics {

// Of one class: how often it was predicted rightly, predicted, and true.
struct Counts {
  std::int64_t hits = 0, predicted = 0, actual = 0;
};

struct Scores {
  double precision = 0, recall = 0, f1 = 0;
  std::int64_t support = 0;  // how often it was true
};
Scores scores(const Counts& counts);

// Each class, and its averages: of the sums, of the classes, of the classes by their support.
struct ClassScores {
  std::vector<Scores> classes;
  Scores micro, macro, weighted;
};
ClassScores class_scores(std::span<const Counts> counts);

// How often class t (row) was taken for class p (column).
struct Confusion {
  std::int64_t classes = 0;
  std::vector<std::int64_t> counts;  // [T,P]
  std::int64_t at(std::int64_t truth, std::int64_t predicted) const {
    return counts[static_cast<std::size_t>(truth * classes + predicted)];
  }
};
// Every label lies in [0, classes).
Confusion confusion(std::span<const std::int64_t> truth, std::span<const std::int64_t> predicted,
                    std::int64_t classes);
std::vector<Counts> counts_of(const Confusion& confusion);
double accuracy(const Confusion& confusion);
// Matthews' correlation for any number of classes; 0 where either side is constant.
double matthews(const Confusion& confusion);

// Mean negative logarithm of the probability of the true class; probabilities are clipped to
// [eps, 1 - eps]. `probabilities` is [N,C].
double log_loss(std::span<const std::int64_t> truth, std::span<const double> probabilities,
                double eps = 2.220446049250313e-16);

// Area under the receiver operating characteristic; NaN where one class alone occurs.
double auroc(const std::vector<bool>& positive, std::span<const double> scores);

// Predictions parted by their confidence into `bins` of equal width, (low, high].
struct CalibrationBin {
  double low = 0, high = 0;
  std::int64_t count = 0;
  double confidence = 0, accuracy = 0;  // means
};
std::vector<CalibrationBin> calibration(const std::vector<bool>& right,
                                        std::span<const double> confidences, int bins = 15);
// Expected calibration error (Guo et al. 2017): their mean gap, by count.
double calibration_error(std::span<const CalibrationBin> bins);

}  // namespace hft::metrics
