// Word and character error rates as jiwer 4 computes them by default.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/metrics/words.h"

namespace hft::metrics {

// Levenshtein's distance.
std::int64_t edit_distance(const Words& a, const Words& b);

// Summed over the pairs of a corpus, each aligned by itself.
struct ErrorCounts {
  std::int64_t errors = 0, length = 0;  // of the references
  ErrorCounts& operator+=(const ErrorCounts& other);
};
// Words are what single spaces part, after runs of white space have become one.
ErrorCounts word_errors(std::string_view text, std::string_view reference);
ErrorCounts character_errors(std::string_view text, std::string_view reference);
// Errors by length; against nothing the number of errors.
double error_rate(const ErrorCounts& counts);

}  // namespace hft::metrics
