#include "core/generation/numbers.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "core/kernels/simd.h"

namespace hft {
namespace {

using simd::Floats;
using simd::kWidth;

struct Greatest {
  [[gnu::always_inline]] static inline void run(const float* scores, std::size_t n, float* most) {
    Floats lanes[4];
    for (Floats& lane : lanes) lane = simd::splat(kRemoved);
    std::size_t i = 0;
    for (; i + 4 * kWidth <= n; i += 4 * kWidth)
      for (int j = 0; j < 4; ++j) {
        Floats part;
        simd::load(scores + i + j * kWidth, part);
        lanes[j] = simd::larger(part, lanes[j]);
      }
    *most = simd::largest(
        simd::larger(simd::larger(lanes[0], lanes[1]), simd::larger(lanes[2], lanes[3])));
    for (; i < n; ++i) *most = std::max(*most, scores[i]);
  }
};

float greatest(std::span<const float> scores) {
  float most = kRemoved;
  simd::run_best<Greatest>(scores.data(), scores.size(), &most);
  return most;
}

// The sum of exp(score - most); floats add up for a while, then doubles.
struct ExponentialSum {
  [[gnu::always_inline]] static inline void run(const float* scores, std::size_t n, float most,
                                                double* sum) {
    constexpr std::size_t kPart = 64 * kWidth;
    for (std::size_t begin = 0; begin < n; begin += kPart) {
      const std::size_t end = std::min(n, begin + kPart);
      Floats sums[2] = {};
      std::size_t i = begin;
      for (; i + 2 * kWidth <= end; i += 2 * kWidth)
        for (int j = 0; j < 2; ++j) {
          Floats part;
          simd::load(scores + i + j * kWidth, part);
          sums[j] += simd::exp_of_negative(part - most);
        }
      for (; i < end; ++i) *sum += std::exp(scores[i] - most);
      float lanes[kWidth];
      simd::store(sums[0] + sums[1], lanes);
      for (float lane : lanes) *sum += lane;
    }
  }
};

// scores - most - log_sum + more
struct Shift {
  Normaliser normal;
  float more;
  [[gnu::always_inline]] Floats of(const float* scores) const {
    Floats part;
    simd::load(scores, part);
    return part - normal.most - normal.log_sum + more;
  }
  float of_one(float score) const { return score - normal.most - normal.log_sum + more; }
};

struct ShiftRow {
  [[gnu::always_inline]] static inline void run(float* scores, std::size_t n, const Shift* shift) {
    std::size_t i = 0;
    for (; i + kWidth <= n; i += kWidth) simd::store(shift->of(scores + i), scores + i);
    for (; i < n; ++i) scores[i] = shift->of_one(scores[i]);
  }
};

constexpr std::size_t kStretch = 8 * kWidth;
struct Above {
  Shift shift;
  float least;
};

// Shifts scores into `to` until a stretch of kStretch holds one above `least`; *at: where it begins.
struct FindAbove {
  [[gnu::always_inline]] static inline void run(const float* scores, std::size_t n,
                                                const Above* above, std::size_t* at, float* to) {
    for (; *at + kStretch <= n; *at += kStretch) {
      Floats parts[8];
#pragma GCC unroll 8
      for (int j = 0; j < 8; ++j) parts[j] = above->shift.of(scores + *at + j * kWidth);
      Floats most = parts[0];
#pragma GCC unroll 8
      for (int j = 1; j < 8; ++j) most = simd::larger(most, parts[j]);
      if (!(simd::largest(most) > above->least)) continue;
      for (int j = 0; j < 8; ++j) simd::store(parts[j], to + j * kWidth);
      return;
    }
  }
};

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

Normaliser normaliser(std::span<const float> scores) {
  const float most = greatest(scores);
  double sum = 0;
  simd::run_best<ExponentialSum>(scores.data(), scores.size(), most, &sum);
  return {most, std::log(static_cast<float>(sum))};
}

void log_softmax(std::span<float> scores) {
  const Shift shift{normaliser(scores), 0};
  simd::run_best<ShiftRow>(scores.data(), scores.size(), &shift);
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

void LargestOfRows::add(std::span<const float> row, Normaliser normal, float more) {
  const Shift shift{normal, more};
  const auto look = [&](std::size_t at, std::span<const float> shifted) {
    for (std::size_t i = 0; i < shifted.size(); ++i)
      if (shifted[i] > least_) {
        candidates_.push_back({before_ + static_cast<std::int64_t>(at + i), shifted[i]});
        if (candidates_.size() >= 4 * (k_ + 1)) keep_best();
      }
  };
  float stretch[kStretch];
  std::size_t at = 0;
  for (;; at += kStretch) {
    const Above above{shift, least_};
    simd::run_best<FindAbove>(row.data(), row.size(), &above, &at, stretch);
    if (at + kStretch > row.size()) break;
    look(at, stretch);
  }
  for (; at < row.size(); ++at) {
    const float one = shift.of_one(row[at]);
    look(at, {&one, 1});
  }
  before_ += static_cast<std::int64_t>(row.size());
}

void LargestOfRows::keep_best() {
  const auto last = candidates_.begin() + static_cast<std::ptrdiff_t>(k_);
  std::nth_element(candidates_.begin(), last, candidates_.end(), better);
  least_ = last->score;
  candidates_.resize(k_ + 1);
}

std::optional<std::vector<Ranked>> LargestOfRows::take() {
  if (candidates_.size() <= k_) return std::nullopt;
  std::sort(candidates_.begin(), candidates_.end(), better);
  candidates_.resize(k_ + 1);
  const auto same = [](const Ranked& a, const Ranked& b) { return a.score == b.score; };
  if (std::adjacent_find(candidates_.begin(), candidates_.end(), same) != candidates_.end())
    return std::nullopt;
  candidates_.pop_back();
  return std::move(candidates_);
}

}  // namespace hft
