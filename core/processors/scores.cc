#include "core/processors/scores.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace hft {

const std::vector<std::string> kScoreFunctions{"softmax", "sigmoid", "none"};

ScoreFunction score_function(std::string_view name) {
  return name == "softmax"   ? ScoreFunction::kSoftmax
         : name == "sigmoid" ? ScoreFunction::kSigmoid
                             : ScoreFunction::kNone;
}

std::vector<float> softmax_of(std::span<const float> logits) {
  std::vector<float> scores(logits.begin(), logits.end());
  if (scores.empty()) return scores;
  const float top = *std::max_element(scores.begin(), scores.end());
  double sum = 0;
  for (float& s : scores) sum += s = std::exp(s - top);
  for (float& s : scores) s = static_cast<float>(s / sum);
  return scores;
}

std::vector<float> sigmoid(std::span<const float> logits) {
  std::vector<float> scores(logits.begin(), logits.end());
  for (float& s : scores) s = 1.0f / (1.0f + std::exp(-s));
  return scores;
}

std::vector<float> apply(ScoreFunction function, std::span<const float> logits) {
  if (function == ScoreFunction::kSoftmax) return softmax_of(logits);
  if (function == ScoreFunction::kSigmoid) return sigmoid(logits);
  return {logits.begin(), logits.end()};
}

std::vector<std::int64_t> best(std::span<const float> scores, std::int64_t k) {
  std::vector<std::int64_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  const auto n = static_cast<std::int64_t>(order.size());
  const std::int64_t keep = k < 0 ? n : std::min(k, n);
  std::partial_sort(order.begin(), order.begin() + keep, order.end(), [&](auto a, auto b) {
    return scores[a] != scores[b] ? scores[a] > scores[b] : a < b;
  });
  order.resize(static_cast<std::size_t>(keep));
  return order;
}

}  // namespace hft
