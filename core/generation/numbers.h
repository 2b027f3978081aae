// Arithmetic on one row of scores [V], as torch does it in float32: sums are rounded once.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace hft {

inline constexpr float kRemoved = -std::numeric_limits<float>::infinity();

void log_softmax(std::span<float> scores);
void softmax(std::span<float> scores);
// softmax into another row.
void softmax(std::span<const float> scores, std::span<float> probabilities);

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

}  // namespace hft
