// BLEU as sacreBLEU 2.6 computes it (Post 2018; Papineni et al. 2002), and as the original did.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/metrics/words.h"

namespace hft::metrics {

enum class BleuTokenizer { k13a, kNone, kChar, kIntl, kZh };
Words bleu_tokens(std::string_view text, BleuTokenizer tokenizer);

inline constexpr std::size_t kBleuOrder = 4;

struct BleuOptions {
  BleuTokenizer tokenizer = BleuTokenizer::k13a;
  bool lowercase = false;
  bool smoothed = true;          // exp: an order without matches counts half of the one before
  bool effective_order = false;  // orders the text is too short for do not count: for one sentence
  bool closest_length = true;    // of several references; false: the shortest
};

// What is summed over the texts of a corpus.
struct BleuCounts {
  std::array<std::int64_t, kBleuOrder> matches{}, totals{};
  std::int64_t length = 0, reference_length = 0;
  BleuCounts& operator+=(const BleuCounts& other);
};
BleuCounts bleu_counts(std::string_view text, std::span<const std::string> references,
                       const BleuOptions& options);
// 0 to 100.
double bleu(const BleuCounts& counts, const BleuOptions& options);

}  // namespace hft::metrics
