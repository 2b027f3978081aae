// Logits to scores, and scores to the best of them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace hft {

enum class ScoreFunction { kNone, kSigmoid, kSoftmax };

// float32 throughout, the maximum subtracted first, as the reference does.
std::vector<float> softmax(std::span<const float> logits);
std::vector<float> sigmoid(std::span<const float> logits);
std::vector<float> apply(ScoreFunction function, std::span<const float> logits);

// Indices of the k greatest (all when k < 0), best first; equal ones in index order.
std::vector<std::int64_t> best(std::span<const float> scores, std::int64_t k);

}  // namespace hft
