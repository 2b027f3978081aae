// A watermark (arXiv:2301.10226, arXiv:2306.04634): some of the tokens, told by a hash of those
// before, become likelier. Reference: transformers 4.57.6, WatermarkLogitsProcessor.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/generation/generation_config.h"

namespace hft {

class Watermark {
 public:
  Watermark(const WatermarkingConfig& config, std::int64_t vocab);

  // Adds the bias to the scores [V] of the token after `ids`.
  void mark(std::span<const std::int32_t> ids, std::span<float> scores) const;

 private:
  std::vector<std::int32_t> favoured(std::uint32_t seed) const;
  std::uint32_t hash(std::span<const std::int32_t> ids, std::int32_t next) const;
  WatermarkingConfig config_;
  std::int64_t vocab_;
  std::vector<std::int32_t> table_;  // selfhash: a permutation, by token
};

}  // namespace hft
