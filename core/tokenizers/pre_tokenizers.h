// The pre-tokenizers of tokenizer.json: where a normalised text is cut.
#pragma once

#include <memory>

#include "core/base/json.h"
#include "core/tokenizers/aligned_text.h"

namespace hft {

// Immutable; threads may share one.
class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;
  virtual void apply(Pieces& pieces) const = 0;
  // Asks the last step to leave bytes as they are instead of spelling them in ByteLevel's alphabet;
  // false when it is no ByteLevel.
  virtual bool leave_bytes() { return false; }
  // Reads Piece::start, which only tracked pieces have exactly once a normalizer was at work.
  virtual bool needs_start() const { return false; }
};

// Reads a pre-tokenizer. Throws kUnsupported for an unknown one, kBadData for wrong fields.
std::unique_ptr<PreTokenizer> make_pre_tokenizer(const Fields& fields, int depth = 0);

}  // namespace hft
