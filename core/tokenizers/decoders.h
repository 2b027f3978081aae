// The decoders of tokenizer.json: from token strings back to text.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/base/json.h"

namespace hft {

// Immutable; threads may share one.
class Decoder {
 public:
  virtual ~Decoder() = default;
  // Rewrites the token strings; put together they are the text.
  virtual void apply(std::vector<std::string>& tokens) const = 0;
};

// Reads a decoder. Throws kUnsupported for an unknown one, kBadData for wrong fields.
std::unique_ptr<Decoder> make_decoder(const Fields& fields, int depth = 0);

// Every `from` in the text becomes `to`.
std::string replaced(std::string text, std::string_view from, std::string_view to);

}  // namespace hft
