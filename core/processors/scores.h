// Logits to scores, and scores to the best of them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hft {

enum class ScoreFunction { kNone, kSigmoid, kSoftmax };

// What --function-to-apply takes: softmax, sigmoid, none.
extern const std::vector<std::string> kScoreFunctions;
ScoreFunction score_function(std::string_view name);

// float32 throughout, the maximum subtracted first, as the reference does.
std::vector<float> softmax_of(std::span<const float> logits);
std::vector<float> sigmoid(std::span<const float> logits);
std::vector<float> apply(ScoreFunction function, std::span<const float> logits);

// Indices of the k greatest (all when k < 0), best first; equal ones in index order.
std::vector<std::int64_t> best(std::span<const float> scores, std::int64_t k);

}  // namespace hft
