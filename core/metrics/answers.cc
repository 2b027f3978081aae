#include "core/metrics/answers.h"

#include <algorithm>

#include "core/base/text.h"
#include "core/metrics/error_rate.h"
#include "core/metrics/words.h"
#include "core/tokenizers/unicode.h"

namespace hft::metrics {
namespace {

// Python's \w.
bool of_word(char32_t c) {
  return c == '_' || unicode::is(c, unicode::kLetter | unicode::kNumber);
}

bool is_article(std::string_view word) { return word == "a" || word == "an" || word == "the"; }

// Articles that stand for themselves become a space.
std::string without_articles(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t start = at;
    const bool word = of_word(unicode::next(text, at));
    for (std::size_t ahead = at;
         ahead < text.size() && of_word(unicode::next(text, ahead)) == word;)
      at = ahead;
    const std::string_view run = text.substr(start, at - start);
    out += word && is_article(run) ? " " : run;
  }
  return out;
}

double f1_of(const std::string& answer, const std::string& gold, SquadVersion version) {
  const Words got = words_of(answer), wanted = words_of(gold);
  if (version == SquadVersion::kTwo && (got.empty() || wanted.empty()))
    return got.empty() && wanted.empty() ? 1 : 0;
  NGrams left;
  add_n_grams(wanted, 1, "", left);
  double same = 0;
  for (const std::string& word : got)
    if (const auto found = left.find(word); found != left.end() && found->second-- > 0) same += 1;
  if (same == 0) return 0;
  const double precision = same / static_cast<double>(got.size()),
               recall = same / static_cast<double>(wanted.size());
  return 2 * precision * recall / (precision + recall);
}

}  // namespace

std::string normalized_answer(std::string_view text) {
  std::string lower = lowercase(text);
  std::erase_if(lower, is_ascii_punctuation);
  return joined(words_of(without_articles(lower)), " ");
}

AnswerScores answer_scores(std::string_view answer, std::span<const std::string> golds,
                           SquadVersion version) {
  const std::string got = normalized_answer(answer);
  AnswerScores best;
  const auto take = [&](std::string_view gold) {
    const std::string wanted = normalized_answer(gold);
    best.exact = std::max(best.exact, got == wanted ? 1.0 : 0.0);
    best.f1 = std::max(best.f1, f1_of(got, wanted, version));
  };
  bool any = false;
  for (const std::string& gold : golds) {
    if (version == SquadVersion::kTwo && normalized_answer(gold).empty()) continue;
    take(gold);
    any = true;
  }
  if (!any && version == SquadVersion::kTwo) take("");
  return best;
}

double levenshtein_similarity(std::string_view answer, std::span<const std::string> golds) {
  const auto letters = [](std::string_view text) {
    return characters_of(joined(words_of(lowercase(text)), " "));
  };
  const Words got = letters(answer);
  double best = 0;
  for (const std::string& gold : golds) {
    const Words wanted = letters(gold);
    const auto longest = static_cast<double>(std::max(got.size(), wanted.size()));
    const double far = longest == 0 ? 0 : static_cast<double>(edit_distance(got, wanted)) / longest;
    if (far <= 0.5) best = std::max(best, 1 - far);
  }
  return best;
}

}  // namespace hft::metrics
