// The formats of JSON Schema as regular expressions of whole texts.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace hft {

enum class FormatKind { kKnown, kUnsupported, kAnnotation };
struct Format {
  FormatKind kind;
  std::string pattern;    // when known
  std::string forbidden;  // no part of the text matches it; "": nothing is
  std::int64_t longest = -1;
};

// A name that JSON Schema does not define says nothing about a text.
Format format_of(std::string_view name);

}  // namespace hft
