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
  virtual void tokenize(std::string_view piece, std::vector<Token>& out) const = 0;
  // Ids alone, for callers that want no offsets; words seen before come from this thread's cache.
  void tokenize_ids(std::string_view piece, WordCache& cache, std::vector<std::int32_t>& out) const {
    if (piece.size() > WordCache::kWordBytes || !cache.find(piece, out)) tokenize_new(piece, cache, out);
  }
  WordCache& cache() const { return WordCache::of(number_); }
  virtual const Vocabulary& vocabulary() const = 0;
  // The mark that tokens inside a word begin with ("##"); "" when the model has none.
  virtual std::string_view subword_mark() const { return {}; }
 private:
  void tokenize_new(std::string_view piece, WordCache& cache, std::vector<std::int32_t>& out) const;
  std::uint64_t number_ = model_number();
};

}  // namespace hft
