// The interface of the four token models.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/tokenizers/vocabulary.h"

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
  // Ids alone, for callers that want no offsets.
  virtual void tokenize_ids(std::string_view piece, std::vector<std::int32_t>& out) const;
  virtual const Vocabulary& vocabulary() const = 0;
  // The mark that tokens inside a word begin with ("##"); "" when the model has none.
  virtual std::string_view subword_mark() const { return {}; }
};

}  // namespace hft
