#include "core/generation/numbers.h"

#include <algorithm>
#include <cmath>
#include <functional>

namespace hft {
namespace {

// Sixteen running maxima, so that no comparison waits for the one before.
float greatest(std::span<const float> scores) {
  constexpr std::size_t kLanes = 16;
  float lanes[kLanes];
  std::fill_n(lanes, kLanes, kRemoved);
  std::size_t i = 0;
  for (; i + kLanes <= scores.size(); i += kLanes)
    for (std::size_t j = 0; j < kLanes; ++j) lanes[j] = scores[i + j] > lanes[j] ? scores[i + j] : lanes[j];
  for (; i < scores.size(); ++i) lanes[0] = std::max(lanes[0], scores[i]);
  return *std::max_element(lanes, lanes + kLanes);
}

// exp(score - most) of each, and their sum. What was removed stays 0 without being computed.
double exponentials(std::span<const float> scores, float most, std::span<float> out) {
  double sum = 0;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    out[i] = scores[i] == kRemoved ? 0.0f : std::exp(scores[i] - most);
    sum += out[i];
  }
  return sum;
}

bool better(const Ranked& a, const Ranked& b) { return a.score > b.score; }

}  // namespace

void log_softmax(std::span<float> scores) {
  const float most = greatest(scores);
  double sum = 0;
  for (float s : scores)
    if (s != kRemoved) sum += std::exp(s - most);
  const float log_sum = std::log(static_cast<float>(sum));
  for (float& s : scores) s = s - most - log_sum;
}

void softmax(std::span<const float> scores, std::span<float> probabilities) {
  const float sum = static_cast<float>(exponentials(scores, greatest(scores), probabilities));
  for (float& p : probabilities) p /= sum;
}

void softmax(std::span<float> scores) { softmax(scores, scores); }

std::int32_t argmax(std::span<const float> scores) {
  const auto first = std::find(scores.begin(), scores.end(), greatest(scores));
  return first == scores.end() ? 0 : static_cast<std::int32_t>(first - scores.begin());
}

std::vector<Ranked> largest(std::span<const float> scores, std::size_t k) {
  std::vector<Ranked> all;
  if (k == 0) return all;
  all.reserve(scores.size());
  for (std::size_t i = 0; i < scores.size(); ++i)
    all.push_back({static_cast<std::int64_t>(i), scores[i]});
  const auto middle = all.begin() + static_cast<std::ptrdiff_t>(k);
  if (k * 64 <= all.size()) {
    std::partial_sort(all.begin(), middle, all.end(), better);
  } else {
    std::nth_element(all.begin(), middle - 1, all.end(), better);
    std::sort(all.begin(), middle - 1, better);
  }
  all.resize(k);
  return all;
}

float kth_largest(std::span<const float> scores, std::size_t k) {
  std::vector<float> heap;  // the worst of the best in front
  heap.reserve(k + 1);
  for (float s : scores) {
    if (heap.size() == k && !(s > heap.front())) continue;
    heap.push_back(s);
    std::push_heap(heap.begin(), heap.end(), std::greater<>());
    if (heap.size() <= k) continue;
    std::pop_heap(heap.begin(), heap.end(), std::greater<>());
    heap.pop_back();
  }
  return heap.front();
}

}  // namespace hft
