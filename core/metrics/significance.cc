#include "core/metrics/significance.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>
#include <vector>

#include "core/metrics/pcg64.h"

namespace hft::metrics {
namespace {

// Where an increasing function of [low, high] is 0.
template <class F>
double root(double low, double high, F&& f) {
  while (true) {
    const double middle = low + (high - low) / 2;
    if (middle <= low || middle >= high) return middle;
    (f(middle) < 0 ? low : high) = middle;
  }
}

// Between the order statistics, as numpy.percentile.
double percentile(std::span<const double> sorted, double fraction) {
  const double at = fraction * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  if (below + 1 >= sorted.size()) return sorted.back();
  const double part = at - static_cast<double>(below);
  return sorted[below] + part * (sorted[below + 1] - sorted[below]);
}

double mean(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

}  // namespace

double normal_cdf(double x) { return std::erfc(-x / std::numbers::sqrt2) / 2; }

double normal_quantile(double p) {
  if (p <= 0 || p >= 1)
    return p == 0   ? -std::numeric_limits<double>::infinity()
           : p == 1 ? std::numeric_limits<double>::infinity()
                    : std::numeric_limits<double>::quiet_NaN();
  // The lower half keeps all digits.
  if (p > 0.5) return -root(-40, 0, [&](double x) { return normal_cdf(x) - (1 - p); });
  return root(-40, 0, [&](double x) { return normal_cdf(x) - p; });
}

Interval wilson_interval(std::int64_t successes, std::int64_t trials, double level) {
  const double z = normal_quantile(0.5 + level / 2), n = static_cast<double>(trials),
               p = static_cast<double>(successes) / n;
  const double scale = 1 + z * z / n, centre = (p + z * z / (2 * n)) / scale,
               spread = z * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / scale;
  return {successes == 0 ? 0 : centre - spread, successes == trials ? 1 : centre + spread};
}

Interval normal_interval(std::int64_t successes, std::int64_t trials, double level) {
  const double n = static_cast<double>(trials), p = static_cast<double>(successes) / n;
  const double spread = normal_quantile(0.5 + level / 2) * std::sqrt(p * (1 - p) / n);
  return {std::clamp(p - spread, 0.0, 1.0), std::clamp(p + spread, 0.0, 1.0)};
}

double mcnemar_exact(std::int64_t only_first, std::int64_t only_second) {
  const std::int64_t n = only_first + only_second, least = std::min(only_first, only_second);
  const auto total = static_cast<double>(n);
  double term = std::exp(std::lgamma(total + 1) - std::lgamma(static_cast<double>(least) + 1) -
                         std::lgamma(static_cast<double>(n - least) + 1) -
                         total * std::numbers::ln2);
  double sum = 0;
  for (std::int64_t k = least; k >= 0; --k) {
    sum += term;
    term *= static_cast<double>(k) / static_cast<double>(n - k + 1);
  }
  return std::min(1.0, 2 * sum);
}

double mcnemar_chi_squared(std::int64_t only_first, std::int64_t only_second) {
  const auto n = static_cast<double>(only_first + only_second);
  if (n == 0) return 1;
  const double gap = std::abs(static_cast<double>(only_first - only_second)) - 1;
  return std::erfc(std::sqrt(gap * gap / n / 2));
}

std::vector<double> bootstrap(std::int64_t examples, const Statistic& statistic,
                              const Resampling& resampling) {
  Pcg64 random(resampling.seed);
  std::vector<std::int64_t> chosen(static_cast<std::size_t>(examples));
  std::vector<double> values;
  for (std::int64_t i = 0; i < resampling.times; ++i) {
    for (std::int64_t& one : chosen) one = random.below(static_cast<std::uint32_t>(examples));
    values.push_back(statistic(chosen));
  }
  std::ranges::sort(values);
  return values;
}

Interval percentile_interval(std::span<const double> sorted, double level) {
  const double outside = (1 - level) / 2;
  return {percentile(sorted, outside), percentile(sorted, 1 - outside)};
}

Interval bootstrap_interval(std::int64_t examples, const Statistic& statistic,
                            const Resampling& resampling) {
  return percentile_interval(bootstrap(examples, statistic, resampling), resampling.level);
}

double permutation_test(std::span<const double> differences, const Resampling& resampling) {
  const double observed = mean(differences), slack = std::abs(observed) * 1e-14;
  const std::size_t n = differences.size();
  const bool all = n < 62 && std::int64_t{1} << n <= resampling.times;
  const std::int64_t times = all ? std::int64_t{1} << n : resampling.times;
  Pcg64 random(resampling.seed);
  std::vector<double> changed(differences.begin(), differences.end());
  double above = 0, below = 0;
  for (std::int64_t t = 0; t < times; ++t) {
    for (std::size_t i = 0; i < n; ++i) {
      const bool turn = all ? (t >> i & 1) != 0 : random.next_double() < 0.5;
      changed[i] = turn ? -differences[i] : differences[i];
    }
    const double value = mean(changed);
    above += value >= observed - slack;
    below += value <= observed + slack;
  }
  // What was seen is one of the ways, unless all of them were tried.
  const double seen = all ? 0 : 1;
  const double least = (std::min(above, below) + seen) / (static_cast<double>(times) + seen);
  return std::min(1.0, 2 * least);
}

double detectable_effect(std::int64_t examples, double alpha, double power) {
  const double z = normal_quantile(1 - alpha / 2), scale = std::sqrt(static_cast<double>(examples));
  return root(0, 2 * (z + 40) / scale, [&](double effect) {
    return normal_cdf(effect * scale - z) + normal_cdf(-effect * scale - z) - power;
  });
}

double standard_deviation(std::span<const double> values) {
  const double centre = mean(values);
  double sum = 0;
  for (const double value : values) sum += (value - centre) * (value - centre);
  return std::sqrt(sum / static_cast<double>(values.size() - 1));
}

}  // namespace hft::metrics
