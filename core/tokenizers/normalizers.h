// The normalizers of tokenizer.json: what is done to a text before it is cut.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/base/json.h"
#include "core/tokenizers/aligned_text.h"

namespace hft {

// Immutable; threads may share one.
class Normalizer {
 public:
  virtual ~Normalizer() = default;
  virtual void apply(Text& text) const = 0;
};

// Reads a normalizer. Throws kUnsupported for an unknown one, kBadData for wrong fields.
std::unique_ptr<Normalizer> make_normalizer(const Fields& fields, int depth = 0);

// SentencePiece's compiled character map (core/tokenizers/charsmap.cc).
std::unique_ptr<Normalizer> make_precompiled(const Fields& fields, int depth);

// Throws kBadData unless a reader that checks nothing may walk this map: every step stays inside
// the trie, every replacement inside the text after it, which ends with a zero.
void check_charsmap(std::string_view map, const std::string& where);

// Writes each byte as its letter of ByteLevel's alphabet.
void spell_bytes(Text& text);
// Puts `lead` before a text that is not empty.
void prepend_to(Text& text, std::string_view lead);

}  // namespace hft
