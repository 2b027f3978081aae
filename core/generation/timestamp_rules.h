// Which tokens may follow where a model writes times among its text (arXiv:2212.04356): times come in
// pairs and never go back. Reference: transformers 4.57.6, WhisperTimeStampLogitsProcessor.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace hft {

struct TimestampRules {
  std::int32_t first = 0;  // the token of the beginning; that for "no times" is the one before it
  std::int32_t eos = 0;
  std::optional<std::int64_t> latest_start;  // steps after `first` that the first time may be

  // written: what follows the prompt; scores [V], changed in place.
  void apply(std::span<const std::int32_t> written, std::span<float> scores) const;
};

}  // namespace hft
