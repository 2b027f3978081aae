#include "core/processors/alignment.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace hft {

void median_filter(std::span<float> row, std::int64_t width) {
  const auto size = static_cast<std::int64_t>(row.size()), half = width / 2;
  if (size <= half) return;
  std::vector<float> padded(static_cast<std::size_t>(size + 2 * half)), window;
  for (std::int64_t i = -half; i < size + half; ++i) {
    const auto from = i < 0 ? -i : i >= size ? 2 * size - 2 - i : i;
    padded[static_cast<std::size_t>(i + half)] = row[static_cast<std::size_t>(from)];
  }
  // What is no number counts as the greatest.
  const auto less = [](float a, float b) { return a < b || (!std::isnan(a) && std::isnan(b)); };
  for (std::int64_t i = 0; i < size; ++i) {
    window.assign(padded.begin() + i, padded.begin() + i + width);
    std::nth_element(window.begin(), window.begin() + half, window.end(), less);
    row[static_cast<std::size_t>(i)] = window[static_cast<std::size_t>(half)];
  }
}

std::vector<std::pair<std::int64_t, std::int64_t>> time_warping_path(std::span<const double> costs,
                                                                     std::int64_t rows,
                                                                     std::int64_t cols) {
  enum Step : std::uint8_t { kBoth, kRow, kColumn };
  const auto width = static_cast<std::size_t>(cols + 1);
  const auto at = [&](std::int64_t i, std::int64_t j) {
    return static_cast<std::size_t>(i) * width + static_cast<std::size_t>(j);
  };
  std::vector<float> sums(static_cast<std::size_t>(rows + 1) * width,
                          std::numeric_limits<float>::infinity());
  std::vector<Step> steps(sums.size(), kColumn);
  for (std::int64_t i = 0; i <= rows; ++i) steps[at(i, 0)] = kRow;
  for (std::int64_t j = 0; j <= cols; ++j) steps[at(0, j)] = kColumn;
  sums[0] = 0;
  for (std::int64_t i = 1; i <= rows; ++i)
    for (std::int64_t j = 1; j <= cols; ++j) {
      const float both = sums[at(i - 1, j - 1)], row = sums[at(i - 1, j)],
                  column = sums[at(i, j - 1)];
      const Step step = both < row && both < column  ? kBoth
                        : row < both && row < column ? kRow
                                                     : kColumn;
      const float before = step == kBoth ? both : step == kRow ? row : column;
      sums[at(i, j)] = static_cast<float>(
          costs[static_cast<std::size_t>((i - 1) * cols + j - 1)] + static_cast<double>(before));
      steps[at(i, j)] = step;
    }
  std::vector<std::pair<std::int64_t, std::int64_t>> path;
  for (std::int64_t i = rows, j = cols; i > 0 || j > 0;) {
    path.emplace_back(i - 1, j - 1);
    const Step step = steps[at(i, j)];
    if (step != kColumn) --i;
    if (step != kRow) --j;
  }
  std::ranges::reverse(path);
  return path;
}

namespace {

// Each column of [tokens, positions] to mean 0 and deviation 1.
void normalise(std::span<float> head, std::int64_t tokens, std::int64_t positions) {
  for (std::int64_t s = 0; s < positions; ++s) {
    const auto value = [&](std::int64_t t) -> float& {
      return head[static_cast<std::size_t>(t * positions + s)];
    };
    double sum = 0, squares = 0;
    for (std::int64_t t = 0; t < tokens; ++t) sum += value(t);
    const double mean = sum / static_cast<double>(tokens);
    for (std::int64_t t = 0; t < tokens; ++t) squares += (value(t) - mean) * (value(t) - mean);
    const auto deviation = static_cast<float>(std::sqrt(squares / static_cast<double>(tokens)));
    for (std::int64_t t = 0; t < tokens; ++t)
      value(t) = (value(t) - static_cast<float>(mean)) / deviation;
  }
}

}  // namespace

std::vector<std::int64_t> token_positions(std::vector<float> weights, std::int64_t heads,
                                          std::int64_t tokens, std::int64_t filter_width) {
  if (tokens == 0 || heads == 0) return {};
  const auto area = static_cast<std::int64_t>(weights.size()) / heads, positions = area / tokens;
  std::vector<double> costs(static_cast<std::size_t>(area));
  for (std::int64_t h = 0; h < heads; ++h) {
    const auto head = std::span(weights).subspan(static_cast<std::size_t>(h * area),
                                                 static_cast<std::size_t>(area));
    normalise(head, tokens, positions);
    for (std::int64_t t = 0; t < tokens; ++t)
      median_filter(head.subspan(static_cast<std::size_t>(t * positions),
                                 static_cast<std::size_t>(positions)),
                    filter_width);
  }
  for (std::size_t i = 0; i < costs.size(); ++i) {
    float sum = 0;
    for (std::int64_t h = 0; h < heads; ++h) sum += weights[static_cast<std::size_t>(h * area) + i];
    costs[i] = -static_cast<double>(sum / static_cast<float>(heads));
  }
  std::vector<std::int64_t> first;
  std::int64_t row = -2;  // before any
  for (const auto& [r, position] : time_warping_path(costs, tokens, positions))
    if (std::exchange(row, r) != r) first.push_back(position);
  return first;
}

}  // namespace hft
