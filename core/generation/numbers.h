// Arithmetic on rows of scores [V], as torch does it in float32: sums are rounded once.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

namespace hft {

inline constexpr float kRemoved = -std::numeric_limits<float>::infinity();

void log_softmax(std::span<float> scores);
void softmax(std::span<float> scores);
// softmax into another row.
void softmax(std::span<const float> scores, std::span<float> probabilities);

// log_softmax of a score s is (s - most) - log_sum.
struct Normaliser {
  float most = 0, log_sum = 0;
};
Normaliser normaliser(std::span<const float> scores);

// The first of the largest.
std::int32_t argmax(std::span<const float> scores);

struct Ranked {
  std::int64_t index;
  float score;
};
// The k largest, best first. Equal ones come in the order torch.topk gives them on a CPU, which
// follows from the same algorithms of the standard library. k <= scores.size().
std::vector<Ranked> largest(std::span<const float> scores, std::size_t k);
// The k-th largest score alone; 1 <= k <= scores.size().
float kth_largest(std::span<const float> scores, std::size_t k);

// The k largest of several rows laid end to end, in one pass over each.
class LargestOfRows {
 public:
  explicit LargestOfRows(std::size_t k) : k_(k) {}
  // Of each score s counts ((s - normal.most) - normal.log_sum) + more.
  void add(std::span<const float> row, Normaliser normal, float more);
  // Best first. None when equal scores, or fewer than k that are finite, leave the order to torch.
  std::optional<std::vector<Ranked>> take();

 private:
  void keep_best();
  std::size_t k_;
  std::int64_t before_ = 0;          // scores of the rows so far
  float least_ = kRemoved;           // of the k + 1 best so far
  std::vector<Ranked> candidates_;  // the best among them
};

}  // namespace hft
