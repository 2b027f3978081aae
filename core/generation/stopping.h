// When a sequence ends. Reference: transformers 4.57.6 (generation/stopping_criteria.py).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/generation/generation_config.h"
#include "core/tokenizers/tokenizer.h"

namespace hft {

enum class Finish { kNone, kEos, kLength, kStopString, kTime, kInterrupted };
// "eos", "length", "stop", "time", "interrupted"; "" for kNone.
std::string_view finish_name(Finish finish);

class Stopping {
 public:
  // The tokenizer may be null when there are no stop strings. The clock of max_time starts here.
  Stopping(const GenerationConfig& config, std::int64_t max_length, const Tokenizer* tokenizer);

  // Ends texts for which this is true, as an end token does.
  void end_when(std::function<bool(std::span<const std::int32_t> ids)> complete) {
    complete_ = std::move(complete);
  }
  // Whether the sequence ends with its last token. A stop string counts when it ends within it.
  Finish after(std::span<const std::int32_t> ids) const;
  bool is_eos(std::int32_t id) const;
  std::int64_t max_length() const { return max_length_; }

 private:
  bool ends_with_stop_string(std::span<const std::int32_t> ids) const;
  const GenerationConfig& config_;
  std::int64_t max_length_;
  const Tokenizer* tokenizer_;
  std::function<bool(std::span<const std::int32_t>)> complete_;
  std::size_t longest_ = 0;  // bytes of the longest stop string
  std::optional<std::chrono::steady_clock::time_point> deadline_;
};

// The text up to the first of the stop strings in it.
std::string before_stop_string(std::string text, const std::vector<std::string>& stop_strings);
// How many bytes at the end of the text may be the beginning of a stop string.
std::size_t stop_string_begun(std::string_view text, const std::vector<std::string>& stop_strings);

}  // namespace hft
