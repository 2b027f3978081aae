// The filters of sampling: each removes (to -inf) tokens of a row of scores [V], never the `least`
// likeliest. What is removed already stays so.
// Reference: transformers 4.57.6 (generation/logits_process.py, the warpers), whose float32 results
// decide at the edges.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace hft {

void keep_top_k(std::span<float> scores, std::size_t k);  // and all that equal the k-th
void keep_top_p(std::span<float> scores, double p, std::size_t least);
void keep_min_p(std::span<float> scores, double p, std::size_t least);
void keep_typical(std::span<float> scores, double mass, std::size_t least);
void cut_epsilon(std::span<float> scores, double epsilon, std::size_t least);
void cut_eta(std::span<float> scores, double epsilon, std::size_t least);

}  // namespace hft
