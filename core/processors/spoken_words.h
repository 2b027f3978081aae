// Tokens into words, each with the tokens it is made of. Reference: transformers 4.57.6,
// tokenization_whisper.py (_combine_tokens_into_words).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/tokenizers/tokenizer.h"

namespace hft {

struct SpokenWords {
  std::vector<std::string> words;
  std::vector<std::vector<std::size_t>> tokens;  // of each, their places
};

// language: by its English name; "": English. Punctuation stands with the word it belongs to; some
// languages have no spaces, and every character is a word.
SpokenWords words_of_tokens(const Tokenizer& tokenizer, const std::vector<std::int32_t>& ids,
                            const std::string& language);

}  // namespace hft
