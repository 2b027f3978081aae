// Start and end logits to answers: the span decoding of the question-answering pipeline of
// transformers 4.57.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/tokenizers/tokenizer.h"

namespace hft {

struct Answer {
  double score = 0;
  std::int64_t begin = 0, end = 0;  // code points of the context
  std::string text;
};

struct AnswerRules {
  std::int64_t top_k = 1;
  std::int64_t max_answer_tokens = 15;
  bool impossible = false;  // an empty answer may win
};

// One window: question and context encoded as a pair with offsets, and its logits [T].
struct AnswerWindow {
  const Encoding* encoding;
  std::span<const float> start, end;
};

// The best answers over all windows, best first; at most top_k. Spans are widened to whole words;
// answers that read the same are one, their scores added. `cls`: the id that stands for "none".
std::vector<Answer> find_answers(const std::string& context,
                                 const std::vector<AnswerWindow>& windows, std::int32_t cls,
                                 const AnswerRules& rules);

// The words of an answer, first and last; those of an empty answer are 0.
struct WordSpan {
  double score = 0;
  std::int64_t begin = 0, end = 0;
  bool none = false;  // the empty answer
};

// The same of a page: question and words encoded as a pair of words, whole words alone. As the
// document-question-answering pipeline, which joins no answers that read the same.
std::vector<WordSpan> find_word_spans(const std::vector<AnswerWindow>& windows, std::int32_t cls,
                                      const AnswerRules& rules);

}  // namespace hft
