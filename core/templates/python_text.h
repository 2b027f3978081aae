// Text as Python's str sees it: code points over UTF-8, its case mappings, classes and repr.
// Checked against CPython 3.11 (Objects/unicodectype.c); tables come from utf8proc.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hft::jinja {

// The code point at byte `at` of well-formed UTF-8; moves `at` past it.
char32_t decode(std::string_view text, std::size_t& at);
void append(std::string& out, char32_t c);
// Code points in the text.
std::int64_t count_points(std::string_view text);
// Byte position of code point `index`; the size of the text when it is at or past the end.
std::size_t byte_of(std::string_view text, std::int64_t index);
std::vector<char32_t> points(std::string_view text);

bool is_space(char32_t c);
bool is_printable(char32_t c);
bool is_alpha(char32_t c);
bool is_decimal(char32_t c);
bool is_digit(char32_t c);
bool is_numeric(char32_t c);
bool is_lower(char32_t c);
bool is_upper(char32_t c);
bool is_cased(char32_t c);
// Letters, marks, numbers and '_': what an identifier may hold.
bool is_word(char32_t c);

std::string upper(std::string_view text);
std::string lower(std::string_view text);
std::string casefold(std::string_view text);
std::string capitalize(std::string_view text);  // first character titled, the rest lower
std::string title(std::string_view text);       // str.title: every cased run
std::string swapcase(std::string_view text);

// Without the characters at the ends that `chars` names (nullptr: white space).
std::string_view strip(std::string_view text, const std::string* chars, bool left, bool right);
// str.splitlines.
std::vector<std::string_view> split_lines(std::string_view text, bool keep_ends);

// repr(str): quoted, with what cannot be printed escaped.
void append_repr(std::string& out, std::string_view text);
// repr(float).
std::string float_repr(double value);

}  // namespace hft::jinja
