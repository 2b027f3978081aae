// What each token of a vocabulary adds to a text in its midst.
#pragma once

#include <string>
#include <vector>

#include "core/tokenizers/tokenizer.h"

namespace hft {

// By id: the token's bytes, which may be a part of a character. "" for special tokens, which texts
// are shown without, and for ids that stand for no token.
std::vector<std::string> token_bytes(const Tokenizer& tokenizer);

}  // namespace hft
