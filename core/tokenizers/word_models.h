// The models of transformers' slow tokenizers that cut a text into words by rules of their own and
// look the parts of each word up.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/tokenizers/model.h"

namespace hft {

// A part of a word: the token looked up, and where in the word it stands.
struct WordPart {
  std::string token;
  std::uint32_t begin, end;
};

struct WordRules {
  // A text into words; they may differ from the text, but stand in its order.
  std::function<std::vector<std::string>(std::string_view)> cut;
  std::function<std::vector<WordPart>(const std::string&)> parts;  // unset: a word is a token
};

std::unique_ptr<TokenModel> make_word_model(Vocabulary vocabulary, std::int32_t unk,
                                            WordRules rules);

// BPE as the Python classes write it: characters, the last with "</w>"; of the pairs there are the
// one with the lowest rank is merged wherever it stands.
class RankedBpe {
 public:
  // Each merge is two symbols; a later one of the same two wins.
  explicit RankedBpe(const std::vector<std::pair<std::string, std::string>>& merges);
  // Parts without marks: symbols as they stand in the word.
  std::vector<WordPart> parts(std::string_view word) const;

 private:
  struct Merge {
    std::size_t rank;
    std::int32_t symbol;
  };
  std::int32_t symbol(const std::string& text);
  std::int32_t find(const std::string& text) const;
  std::unordered_map<std::string, std::int32_t> symbols_;
  std::unordered_map<std::uint64_t, Merge> merges_;
};

// Words as Python's str.split() parts them.
std::vector<std::string> python_words(std::string_view text);

}  // namespace hft
