// WordPiece (BERT): the longest token first, from the left; a word with no way through is unknown.
#pragma once

#include <memory>

#include "core/tokenizers/model.h"

namespace hft {

struct WordPieceOptions {
  std::string unk_token = "[UNK]";
  std::string continuing_subword_prefix = "##";
  std::int64_t max_input_chars_per_word = 100;
};

std::unique_ptr<TokenModel> make_wordpiece(Vocabulary vocabulary, WordPieceOptions options);

// WordLevel: a piece is a token or unknown.
std::unique_ptr<TokenModel> make_wordlevel(Vocabulary vocabulary, std::string unk_token);

}  // namespace hft
