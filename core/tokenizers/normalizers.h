// The normalizers of tokenizer.json: what is done to a text before it is cut.
#pragma once

#include <memory>

#include "core/base/json.h"
#include "core/tokenizers/text.h"

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

// Writes each byte as its letter of ByteLevel's alphabet.
void spell_bytes(Text& text);
// Puts `lead` before a text that is not empty.
void prepend_to(Text& text, std::string_view lead);

}  // namespace hft
