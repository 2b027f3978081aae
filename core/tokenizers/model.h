// The interface of the four token models.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/tokenizers/vocabulary.h"
#include "core/tokenizers/word_cache.h"

namespace hft {

// A token of a piece: its id and its bytes, counted from the piece's begin.
struct Token {
  std::int32_t id = 0;
  std::uint32_t begin = 0, end = 0;
};

// Immutable; threads may share one.
class TokenModel {
 public:
  virtual ~TokenModel() = default;
  // Appends the tokens of one piece of well-formed UTF-8.
  void tokenize(std::string_view piece, std::vector<Token>& out) const;
  // Ids alone, for callers that want no offsets; words seen before come from this thread's cache.
  void tokenize_ids(std::string_view piece, WordCache& cache,
                    std::vector<std::int32_t>& out) const {
    for (std::size_t at = 0; at < piece.size();) {
      const std::string_view word = piece.substr(at, word_end(piece, at) - at);
      if (word.size() > WordCache::kWordBytes || !cache.find(word, out))
        tokenize_new(word, cache, out);
      at += word.size();
    }
  }
  WordCache& cache() const { return WordCache::of(number_); }
  // The string of a token of this piece, as the reference's encodings have it.
  std::string_view spelling(const Token& token, std::string_view piece) const {
    return token.id == as_written_ ? piece.substr(token.begin, token.end - token.begin)
                                   : vocabulary().token(token.id);
  }
  virtual const Vocabulary& vocabulary() const = 0;
  // The mark that tokens inside a word begin with ("##"); "" when the model has none.
  virtual std::string_view subword_mark() const { return {}; }

 protected:
  // Appends the tokens of one word, counted from its begin.
  virtual void tokenize_word(std::string_view word, std::vector<Token>& out) const = 0;
  // Where no token spans from any other character to this one, a piece is cut before it into words
  // that are tokenized each by itself; "" = a piece is one word.
  std::string word_mark_;
  std::int32_t as_written_ = -1;  // an unknown token that keeps the string it stands for

 private:
  std::size_t word_end(std::string_view piece, std::size_t at) const;
  void tokenize_new(std::string_view piece, WordCache& cache, std::vector<std::int32_t>& out) const;
  std::uint64_t number_ = model_number();
};

}  // namespace hft
