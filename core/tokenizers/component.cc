#include "core/tokenizers/component.h"

#include "core/tokenizers/unicode.h"

namespace hft {

std::string one_code_point(const Fields& fields, std::string_view key) {
  std::string text = fields.text(key);
  if (unicode::count(text) != 1)
    fail(Errc::kBadData, fields.where(), ": '", key, "' is \"", text, "\", wanted one character");
  return text;
}

Regex pattern_of(const Fields& fields) {
  const Json* pattern = fields.find("pattern");
  if (pattern && pattern->is_object() && pattern->size() == 1) {
    const std::string& kind = pattern->begin().key();
    const Json& value = pattern->begin().value();
    if (value.is_string() && kind == "String") return Regex::literal(value.get<std::string>());
    if (value.is_string() && kind == "Regex") return Regex(value.get<std::string>());
  }
  fail(Errc::kBadData, fields.where(), ": 'pattern' is ", pattern ? to_line(*pattern) : "missing",
       ", wanted {\"String\": \"…\"} or {\"Regex\": \"…\"}");
}

}  // namespace hft
