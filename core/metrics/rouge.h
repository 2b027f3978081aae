// ROUGE as rouge_score 0.1.2 computes it (Lin 2004).
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "core/metrics/words.h"

namespace hft::metrics {

struct RougeScore {
  double precision = 0, recall = 0, f1 = 0;
};
struct RougeScores {
  RougeScore rouge1, rouge2, rougeL;
  RougeScore rougeLsum;  // over the lines of the texts
};

// Runs of a-z and 0-9 of the text in lower case, those above three letters stemmed.
Words rouge_tokens(std::string_view text, bool stemmed);

RougeScores rouge(std::string_view text, std::string_view reference, bool stemmed = false);
// Of several references that with the greatest F1, for each figure; there is one at least.
RougeScores best_rouge(std::string_view text, std::span<const std::string> references,
                       bool stemmed = false);

}  // namespace hft::metrics
