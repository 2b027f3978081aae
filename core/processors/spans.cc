#include "core/processors/spans.h"

#include <algorithm>
#include <cmath>

#include "core/base/text.h"
#include "core/processors/scores.h"

namespace hft {
namespace {

constexpr float kExcluded = -10000.0f;

struct Candidate {
  float score;
  std::size_t start, end;  // tokens, both inclusive
};

// Tokens of the context, and the CLS token, may be in an answer.
std::vector<bool> allowed_tokens(const Encoding& e, std::int32_t cls) {
  std::vector<bool> allowed(e.size());
  for (std::size_t i = 0; i < e.size(); ++i) allowed[i] = e.sequence_ids[i] == 1 || e.ids[i] == cls;
  return allowed;
}

std::vector<float> probabilities(std::span<const float> logits, const std::vector<bool>& allowed) {
  std::vector<float> masked(logits.begin(), logits.end());
  for (std::size_t i = 0; i < masked.size(); ++i)
    if (!allowed[i]) masked[i] = kExcluded;
  return softmax_of(masked);
}

// The `count` best of all pairs of tokens, the first ones of equal score. A pair that ends before
// it begins, or is longer than max_tokens, is no span, but the reference lists it with score 0.
std::vector<Candidate> best_spans(const std::vector<float>& start, const std::vector<float>& end,
                                  std::size_t max_tokens, std::size_t count) {
  std::vector<Candidate> found;
  for (std::size_t s = 0; s < start.size(); ++s)
    for (std::size_t e = s; e < std::min(end.size(), s + max_tokens); ++e)
      if (const float score = start[s] * end[e]; score > 0) found.push_back({score, s, e});
  const auto is_span = [&](std::size_t s, std::size_t e) {
    return e >= s && e < s + max_tokens && start[s] * end[e] > 0;
  };
  for (std::size_t s = 0; s < start.size() && found.size() < count; ++s)
    for (std::size_t e = 0; e < end.size() && found.size() < count; ++e)
      if (!is_span(s, e)) found.push_back({0, s, e});
  const auto better = [](const Candidate& a, const Candidate& b) {
    return a.score != b.score ? a.score > b.score
                              : std::pair(a.start, a.end) < std::pair(b.start, b.end);
  };
  const std::size_t keep = std::min(count, found.size());
  std::partial_sort(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(keep), found.end(),
                    better);
  found.resize(keep);
  return found;
}

// Code points of the whole words from token s to token e of the context.
Span whole_words(const Encoding& encoding, std::size_t s, std::size_t e) {
  Span span{encoding.offsets[s].begin, encoding.offsets[e].end};
  if (encoding.word_ids[s] < 0 || encoding.word_ids[e] < 0) return span;
  for (std::size_t i = s;
       i-- > 0 && encoding.sequence_ids[i] == 1 && encoding.word_ids[i] == encoding.word_ids[s];)
    span.begin = encoding.offsets[i].begin;
  for (std::size_t i = e + 1; i < encoding.size() && encoding.sequence_ids[i] == 1 &&
                              encoding.word_ids[i] == encoding.word_ids[e];
       ++i)
    span.end = encoding.offsets[i].end;
  return span;
}

void add_answer(std::vector<Answer>& answers, const std::string& context,
                const std::vector<std::uint32_t>& starts, Span span, float score) {
  const auto at = [&](std::int32_t i) {
    return starts[std::min<std::size_t>(static_cast<std::size_t>(i), starts.size() - 1)];
  };
  const std::string text =
      span.end > span.begin ? context.substr(at(span.begin), at(span.end) - at(span.begin)) : "";
  const std::string key = lowercase(text);
  for (Answer& known : answers)
    if (lowercase(known.text) == key) {
      known.score += score;
      return;
    }
  answers.push_back({score, span.begin, span.end, text});
}

// f(window, candidate) for the `count` best spans of each window that may be answers; what the
// empty answer scores.
template <class F>
double each_span(const std::vector<AnswerWindow>& windows, std::int32_t cls,
                 const AnswerRules& rules, std::size_t count, const F& f) {
  double null_score = 1000000;
  for (const AnswerWindow& window : windows) {
    const auto allowed = allowed_tokens(*window.encoding, cls);
    auto start = probabilities(window.start, allowed), end = probabilities(window.end, allowed);
    if (start.empty()) continue;
    null_score = std::min(null_score, static_cast<double>(start[0] * end[0]));
    start[0] = end[0] = 0;
    for (const Candidate& c :
         best_spans(start, end, static_cast<std::size_t>(rules.max_answer_tokens), count))
      if (allowed[c.start] && allowed[c.end]) f(*window.encoding, c);
  }
  return null_score;
}

template <class Scored>
void keep_best(std::vector<Scored>& answers, std::int64_t top_k) {
  std::stable_sort(answers.begin(), answers.end(),
                   [](const Scored& a, const Scored& b) { return a.score > b.score; });
  if (static_cast<std::int64_t>(answers.size()) > top_k)
    answers.resize(static_cast<std::size_t>(top_k));
}

}  // namespace

std::vector<Answer> find_answers(const std::string& context,
                                 const std::vector<AnswerWindow>& windows, std::int32_t cls,
                                 const AnswerRules& rules) {
  const auto starts = code_point_starts(context);
  const auto count =
      static_cast<std::size_t>(2 * rules.top_k + 10);  // some become one when widened
  std::vector<Answer> answers;
  const double null_score =
      each_span(windows, cls, rules, count, [&](const Encoding& encoding, const Candidate& c) {
        add_answer(answers, context, starts, whole_words(encoding, c.start, c.end), c.score);
      });
  if (rules.impossible) answers.push_back({null_score, 0, 0, ""});
  keep_best(answers, rules.top_k);
  return answers;
}

std::vector<WordSpan> find_word_spans(const std::vector<AnswerWindow>& windows, std::int32_t cls,
                                      const AnswerRules& rules) {
  std::vector<WordSpan> answers;
  const double null_score = each_span(windows, cls, rules, static_cast<std::size_t>(rules.top_k),
                                      [&](const Encoding& encoding, const Candidate& c) {
                                        const auto first = encoding.word_ids[c.start],
                                                   last = encoding.word_ids[c.end];
                                        if (first >= 0 && last >= 0)
                                          answers.push_back({c.score, first, last});
                                      });
  if (rules.impossible) answers.push_back({null_score, 0, 0, true});
  keep_best(answers, rules.top_k);
  return answers;
}

}  // namespace hft
