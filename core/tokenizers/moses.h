// The English word rules of the Moses toolkit: punctuation, tokens and the way back.
// Reference: sacremoses 0.2 (MosesPunctNormalizer, MosesTokenizer, MosesDetokenizer).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hft::moses {

// Quotation marks, dashes and spaces in the forms the other rules know.
std::string normalize_punctuation(std::string text);

struct TokenizeOptions {
  bool split_hyphens = false;  // "a-b" is "a @-@ b"
  bool escape = false;         // & | < > ' " [ ] as XML entities
};
std::vector<std::string> tokenize(std::string_view text, const TokenizeOptions& options);

std::string detokenize(const std::vector<std::string>& tokens);

}  // namespace hft::moses
