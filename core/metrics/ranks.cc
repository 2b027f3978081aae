#include "core/metrics/ranks.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace hft::metrics {
namespace {

double mean(std::span<const double> x) {
  return std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
}

template <class F>
double mean_over_pairs(std::span<const double> x, std::span<const double> y, F&& f) {
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += f(x[i] - y[i]);
  return sum / static_cast<double>(x.size());
}

}  // namespace

std::vector<double> ranks(std::span<const double> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, [&](auto a, auto b) { return values[a] < values[b]; });
  std::vector<double> all(values.size());
  for (std::size_t begin = 0, end; begin < order.size(); begin = end) {
    for (end = begin + 1; end < order.size() && values[order[end]] == values[order[begin]]; ++end) {
    }
    for (std::size_t i = begin; i < end; ++i)
      all[order[i]] = static_cast<double>(begin + end + 1) / 2;
  }
  return all;
}

double pearson(std::span<const double> x, std::span<const double> y) {
  if (x.size() < 2) return std::numeric_limits<double>::quiet_NaN();
  const double mx = mean(x), my = mean(y);
  double xx = 0, yy = 0, xy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    xx += (x[i] - mx) * (x[i] - mx);
    yy += (y[i] - my) * (y[i] - my);
    xy += (x[i] - mx) * (y[i] - my);
  }
  const auto constant = [](std::span<const double> v) {
    return std::ranges::all_of(v, [&](double one) { return one == v[0]; });
  };
  if (constant(x) || constant(y)) return std::numeric_limits<double>::quiet_NaN();
  return std::clamp(xy / (std::sqrt(xx) * std::sqrt(yy)), -1.0, 1.0);
}

double spearman(std::span<const double> x, std::span<const double> y) {
  return pearson(ranks(x), ranks(y));
}

double mean_squared_error(std::span<const double> x, std::span<const double> y) {
  return mean_over_pairs(x, y, [](double d) { return d * d; });
}

double mean_absolute_error(std::span<const double> x, std::span<const double> y) {
  return mean_over_pairs(x, y, [](double d) { return std::abs(d); });
}

}  // namespace hft::metrics
