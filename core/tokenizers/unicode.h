// Code points as the reference sees them: character classes, lower case and normal forms. The
// reference's parts were built against different versions of Unicode, so the classes come from
// tables of our own (unicode_data.inc); decompositions come from utf8proc.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hft::unicode {

// Bits of classes(). In brackets: whose idea of the class it is.
enum Class : std::uint16_t {
  kSpace = 1 << 0,          // White_Space
  kPunctuation = 1 << 1,    // isolated by BertPreTokenizer and Punctuation
  kNumeric = 1 << 2,        // Digits
  kWord = 1 << 3,           // \w of Whitespace and of added tokens
  kCleaned = 1 << 4,        // dropped by BertNormalizer's clean_text
  kMark = 1 << 5,           // dropped by StripAccents
  kNonspacing = 1 << 6,     // dropped by BertNormalizer's strip_accents
  kLetter = 1 << 7,         // \p{L} of a pattern
  kNumber = 1 << 8,         // \p{N}
  kCombining = 1 << 9,      // \p{M}
  kUpper = 1 << 10,         // \p{Lu} and \p{Lt}
  kLower = 1 << 11,         // \p{Ll}
  kUndecomposed = 1 << 12,  // its own NFKD
  kUnknownMark = 1 << 13,   // never reordered by the normal forms
  kLowerChanges = 1 << 14,  // has another lower case
};

inline constexpr char32_t kTableEnd = 0x20000;  // classes below it come from one table

namespace detail {
const std::uint16_t* low_table();
std::uint16_t high_classes(char32_t c);
}  // namespace detail

// The table of the code points below kTableEnd, for loops.
inline const std::uint16_t* class_table() { return detail::low_table(); }
inline std::uint16_t classes(char32_t c, const std::uint16_t* table) {
  return c < kTableEnd ? table[c] : detail::high_classes(c);
}
inline std::uint16_t classes(char32_t c) { return classes(c, class_table()); }
inline bool is(char32_t c, unsigned wanted) { return (classes(c) & wanted) != 0; }

// What Python's str.split() and the \s of its patterns take for white space.
inline bool is_python_space(char32_t c) { return (c >= 0x1c && c <= 0x1f) || is(c, kSpace); }
bool is_other(char32_t c);  // general category C: control, format, private, unassigned

// The general categories patterns ask for (\p{L} …), as runs (gap since the last run, length).
struct Category {
  const char* name;
  std::span<const std::uint32_t> runs;
};
std::span<const Category> pattern_categories();

// Number of the script of c as UnicodeScripts groups them; 0: joins any.
int script(char32_t c);

// Lower case of one code point; U+0130 alone becomes two.
char32_t lower(char32_t c);
char32_t upper(char32_t c);  // one to one

enum class Form { kNfc, kNfd, kNfkc, kNfkd };

// A code point of a normal form, and how it came about: 0 it replaces one code point, 1 it is new,
// -n it replaces one and swallows n more.
struct Step {
  char32_t c;
  int change;
};
// Appends the normal form of well-formed UTF-8.
void normal_form(std::string_view text, Form form, std::vector<Step>& out);

// Length of the well-formed UTF-8 sequence that begins with this byte.
inline int length(unsigned char lead) {
  return lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}
// The code point at `at` of well-formed UTF-8; moves `at` past it.
inline char32_t next(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const unsigned lead = byte(0);
  char32_t c = lead;
  if (lead < 0x80) {
    at += 1;
  } else if (lead < 0xe0) {
    c = (lead & 31) << 6 | (byte(1) & 63);
    at += 2;
  } else if (lead < 0xf0) {
    c = (lead & 15) << 12 | (byte(1) & 63) << 6 | (byte(2) & 63);
    at += 3;
  } else {
    c = (lead & 7) << 18 | (byte(1) & 63) << 12 | (byte(2) & 63) << 6 | (byte(3) & 63);
    at += 4;
  }
  return c;
}
// The code point that ends before `at`; moves `at` to its start.
inline char32_t previous(std::string_view text, std::size_t& at) {
  do {
    --at;
  } while ((static_cast<unsigned char>(text[at]) & 0xc0) == 0x80);
  std::size_t end = at;
  return next(text, end);
}
void append(std::string& out, char32_t c);
std::int64_t count(std::string_view text);  // code points

// Offset of the first byte that is not UTF-8 (RFC 3629); npos when all is well.
std::size_t ill_formed(std::string_view text);
// The bytes with every ill-formed part as U+FFFD, as Unicode recommends (maximal subparts).
std::string repaired(std::string_view bytes);

// Ends of the extended grapheme clusters of the text, in bytes.
std::vector<std::uint32_t> grapheme_ends(std::string_view text);

}  // namespace hft::unicode
