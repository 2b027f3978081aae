// Times of tokens from what a decoder's cross-attention looked at. Reference: transformers 4.57.6,
// WhisperGenerationMixin._extract_token_timestamps.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace hft {

// Each number becomes the median of `width` (odd) about it; rows shorter than half of that stay. The
// edges are reflected.
void median_filter(std::span<float> row, std::int64_t width);

// The cheapest path through costs [rows, cols] from the first corner to the last, as (row, column);
// among equals it goes along the row.
std::vector<std::pair<std::int64_t, std::int64_t>> time_warping_path(std::span<const double> costs,
                                                                     std::int64_t rows,
                                                                     std::int64_t cols);

// weights [H, T, S]: those of some heads. The first of the S positions that each of T tokens is said
// at: normalised over the tokens, smoothed, averaged over the heads and aligned.
std::vector<std::int64_t> token_positions(std::vector<float> weights, std::int64_t heads,
                                          std::int64_t tokens, std::int64_t filter_width);

}  // namespace hft
