// How sure a figure is, and whether two differ: as SciPy 1.17 and statsmodels 0.14 compute it.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace hft::metrics {

double normal_cdf(double x);
double normal_quantile(double p);

struct Interval {
  double low = 0, high = 0;
};
// Of a proportion: Wilson's score interval, and the normal one within [0, 1].
Interval wilson_interval(std::int64_t successes, std::int64_t trials, double level = 0.95);
Interval normal_interval(std::int64_t successes, std::int64_t trials, double level = 0.95);

// McNemar's test of two models on the same examples, from how many only one of them got right.
double mcnemar_exact(std::int64_t only_first, std::int64_t only_second);
double mcnemar_chi_squared(std::int64_t only_first, std::int64_t only_second);  // with continuity

struct Resampling {
  std::int64_t times = 9999;
  std::uint32_t seed = 0;
  double level = 0.95;
};
// A figure of the examples with these numbers, which may repeat.
using Statistic = std::function<double(std::span<const std::int64_t> examples)>;
// The figure of that many resamples of the examples, sorted.
std::vector<double> bootstrap(std::int64_t examples, const Statistic& statistic,
                              const Resampling& resampling = {});
Interval percentile_interval(std::span<const double> sorted, double level = 0.95);
// Percentile bootstrap over the examples: both in one.
Interval bootstrap_interval(std::int64_t examples, const Statistic& statistic,
                            const Resampling& resampling = {});

// Paired permutation test of the mean of `differences` against 0, both sides: each may change its
// sign. Every way is tried where there are no more than `times`.
double permutation_test(std::span<const double> differences, const Resampling& resampling = {});

// The smallest mean difference that a paired test of so many examples finds with the given power,
// in units of the differences' standard deviation.
double detectable_effect(std::int64_t examples, double alpha = 0.05, double power = 0.8);
double standard_deviation(std::span<const double> values);  // of a sample: divided by n - 1

}  // namespace hft::metrics
