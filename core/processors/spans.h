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

}  // namespace hft
