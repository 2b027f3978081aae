// What the filters on HTML and on long texts are made of.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace hft::jinja {

// Python's html.unescape: character references become what they name.
std::string unescape_html(std::string_view text);

struct WrapStyle {
  std::int64_t width = 79;
  bool break_long_words = true, break_on_hyphens = true;
};
// textwrap.wrap(line, …) with its white space left as it is; the lines joined by `glue`.
std::string wrap_line(std::string_view line, const WrapStyle& style, std::string_view glue);

}  // namespace hft::jinja
