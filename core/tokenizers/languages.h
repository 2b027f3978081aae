// How the tokenizers of multilingual translation models (mBART, NLLB, M2M-100) mark the language of
// a text: by a token of its own, before the text or after its end token.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/json.h"
#include "core/tokenizers/blueprint.h"

namespace hft {

struct LanguageMarks {
  bool before = false;          // the language comes first, else last
  std::string_view open, close;  // around the code: "__" makes "__en__" of "en"
  std::string source;           // the code a text has when nothing says otherwise
  // The codes, in the order of their ids; empty: the special tokens without a name.
  std::vector<std::string> codes = {};

  std::string token_of(std::string_view code) const {
    return std::string(open) + std::string(code) + std::string(close);
  }
};

// None for classes without languages.
std::optional<LanguageMarks> language_marks(const TokenizerConfig& config);

// The post-processor (as in tokenizer.json) for texts in the language of this token.
// `id_of` gives a token's id.
Json language_template(const LanguageMarks& marks, const std::string& token, const std::string& end,
                       const std::function<std::int32_t(const std::string&)>& id_of);

}  // namespace hft
