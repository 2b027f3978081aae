// Translation edit rate (Snover et al. 2006) as sacreBLEU 2.6 computes it, after Tercom: the fewest
// insertions, deletions, replacements and moves of runs of words, found greedily.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/metrics/words.h"

namespace hft::metrics {

std::int64_t translation_edits(const Words& text, const Words& reference);

struct TerCounts {
  double edits = 0, reference_length = 0;  // the mean length of the references
  TerCounts& operator+=(const TerCounts& other);
};
// In lower case; the fewest edits over the references.
TerCounts ter_counts(std::string_view text, std::span<const std::string> references);
double ter(const TerCounts& counts);  // in per cent, may be above 100

}  // namespace hft::metrics
