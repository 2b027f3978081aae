// Small questions about UTF-8 text: is it well formed, how wide is it, which name is nearest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hft {

// Byte position of the first ill-formed UTF-8 sequence (Unicode 15, table 3-7); none when valid.
std::optional<std::size_t> utf8_error(std::string_view text);

// Columns a terminal gives the text (East Asian wide = 2, combining = 0).
int display_width(std::string_view text);
// At most `columns` wide, cut with "…".
std::string shorten(std::string_view text, int columns);

// Control bytes (escapes, CR, LF …) as \x1b, \r, \n: safe on a terminal, one line. Ill-formed UTF-8
// is shown as \xNN.
std::string escape_controls(std::string_view text);

// The nearest of `names` (Damerau-Levenshtein, at most a third of the letters wrong), if any.
std::optional<std::string> nearest(std::string_view word, std::span<const std::string> names);

// "1 text", "2 texts", "1,204 texts".
std::string counted(std::int64_t n, std::string_view noun);

// "519 B", "1.2 kB", "2.7 GB": powers of 1000, as the Hub shows them.
std::string human_bytes(std::int64_t bytes);

std::vector<std::string> split(std::string_view text, char separator);
std::string trimmed(std::string_view text);          // ASCII white space at both ends removed
std::string unicode_trimmed(std::string_view text);  // as Python's str.strip()
std::vector<std::string> unicode_words(std::string_view text);  // as Python's str.split()
std::string lowercase(std::string_view text);        // each code point by itself
std::string joined(std::span<const std::string> parts, std::string_view separator);

// Code points of well-formed UTF-8: their byte positions, ending with the size of the text.
std::vector<std::uint32_t> code_point_starts(std::string_view text);

}  // namespace hft
