// Sets of Unicode code points, as sorted ranges that neither overlap nor touch. Surrogates, which
// no text holds, are in none of them.
#pragma once

#include <string_view>
#include <vector>

namespace hft {

struct CodeRange {
  char32_t first, last;
  bool operator==(const CodeRange&) const = default;
};

class CodePoints {
 public:
  CodePoints() = default;
  explicit CodePoints(std::vector<CodeRange> ranges);  // in any order
  static CodePoints all();

  const std::vector<CodeRange>& ranges() const { return ranges_; }
  bool empty() const { return ranges_.empty(); }
  bool contains(char32_t c) const;
  CodePoints operator|(const CodePoints& other) const;
  CodePoints operator~() const;

 private:
  std::vector<CodeRange> ranges_;
};

// The classes \d, \w, \s (ASCII, and of white space what every dialect counts) and `.`; their
// opposites \D, \W, \S leave out what any dialect counts among them, so that a text holds in
// ECMAScript and in Python.
CodePoints pattern_class(char letter);
// Of \p{name}: a general category of Unicode, "L", "Lu", "Nd" …; empty when there is none.
CodePoints unicode_category(std::string_view name);

}  // namespace hft
