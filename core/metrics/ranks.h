// Ranks, and the correlations of SciPy 1.17 between two rows of numbers.
#pragma once

#include <span>
#include <vector>

namespace hft::metrics {

// From 1, the smallest first; equal ones share the mean of their ranks.
std::vector<double> ranks(std::span<const double> values);

// NaN where a side is constant or shorter than two.
double pearson(std::span<const double> x, std::span<const double> y);
double spearman(std::span<const double> x, std::span<const double> y);

double mean_squared_error(std::span<const double> x, std::span<const double> y);
double mean_absolute_error(std::span<const double> x, std::span<const double> y);

}  // namespace hft::metrics
