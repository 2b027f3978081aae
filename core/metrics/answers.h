// Answers in words against the answers that count as right: SQuAD's figures and plain equality.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace hft::metrics {

// Lower case without ASCII punctuation and articles, the words a space apart.
std::string normalized_answer(std::string_view text);

struct AnswerScores {
  double exact = 0, f1 = 0;  // 0 to 1
};
// The best over `golds`. Version 2 knows questions without an answer: no golds stand for the empty
// answer, and two empty ones are equal; in version 1 an F1 of no common word is 0.
enum class SquadVersion { kOne, kTwo };
AnswerScores answer_scores(std::string_view answer, std::span<const std::string> golds,
                           SquadVersion version);

// Of the answer that is nearest (ANLS, Biten et al. 2019): 1 less the share of letters that are
// edited, whatever their case; 0 where that is under one half.
double levenshtein_similarity(std::string_view answer, std::span<const std::string> golds);

}  // namespace hft::metrics
