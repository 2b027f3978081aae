#include "core/constraints/code_points.h"

#include <algorithm>

#include "core/tokenizers/unicode.h"

namespace hft {
namespace {

constexpr char32_t kLastCodePoint = 0x10ffff, kFirstSurrogate = 0xd800, kLastSurrogate = 0xdfff;

const std::vector<CodeRange> kAsciiDigits{{'0', '9'}};
const std::vector<CodeRange> kAsciiWord{{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
const std::vector<CodeRange> kWhiteSpace{{'\t', '\r'},     {' ', ' '},       {0xa0, 0xa0},
                                         {0x1680, 0x1680}, {0x2000, 0x200a}, {0x2028, 0x2029},
                                         {0x202f, 0x202f}, {0x205f, 0x205f}, {0x3000, 0x3000}};
const std::vector<CodeRange> kLineEnds{{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}};

}  // namespace

CodePoints::CodePoints(std::vector<CodeRange> ranges) {
  std::ranges::sort(ranges, {}, &CodeRange::first);
  const auto add = [&](char32_t first, char32_t last) {
    if (first > last) return;
    if (!ranges_.empty() && ranges_.back().last + 1 >= first)
      ranges_.back().last = std::max(ranges_.back().last, last);
    else
      ranges_.push_back({first, last});
  };
  for (auto [first, last] : ranges) {
    last = std::min(last, kLastCodePoint);
    add(first, std::min<char32_t>(last, kFirstSurrogate - 1));
    add(std::max<char32_t>(first, kLastSurrogate + 1), last);
  }
}

CodePoints CodePoints::all() { return CodePoints({{0, kLastCodePoint}}); }

bool CodePoints::contains(char32_t c) const {
  const auto at = std::ranges::lower_bound(ranges_, c, {}, &CodeRange::last);
  return at != ranges_.end() && at->first <= c;
}

CodePoints CodePoints::operator|(const CodePoints& other) const {
  std::vector<CodeRange> both = ranges_;
  both.insert(both.end(), other.ranges_.begin(), other.ranges_.end());
  return CodePoints(std::move(both));
}

CodePoints CodePoints::operator~() const {
  std::vector<CodeRange> gaps;
  char32_t next = 0;
  for (const CodeRange& range : ranges_) {
    if (range.first > next) gaps.push_back({next, range.first - 1});
    next = range.last + 1;
  }
  if (next <= kLastCodePoint) gaps.push_back({next, kLastCodePoint});
  return CodePoints(std::move(gaps));
}

CodePoints pattern_class(char letter) {
  switch (letter) {
    case 'd':
      return CodePoints(kAsciiDigits);
    case 'w':
      return CodePoints(kAsciiWord);
    case 's':
      return CodePoints(kWhiteSpace);
    case 'D':
      return ~unicode_category("N");
    case 'W':
      return ~(unicode_category("L") | unicode_category("N") | unicode_category("M") |
               CodePoints(kAsciiWord));
    case 'S':
      return ~(CodePoints(kWhiteSpace) |
               CodePoints({{0x1c, 0x1f}, {0x85, 0x85}, {0x180e, 0x180e}, {0xfeff, 0xfeff}}));
    default:
      return ~CodePoints(kLineEnds);  // `.`
  }
}

CodePoints unicode_category(std::string_view name) {
  for (const unicode::Category& category : unicode::pattern_categories()) {
    if (name != category.name) continue;
    std::vector<CodeRange> ranges;
    char32_t at = 0;
    for (std::size_t i = 0; i + 1 < category.runs.size(); i += 2) {
      const char32_t begin = at + category.runs[i];
      at = begin + category.runs[i + 1];
      if (at > begin) ranges.push_back({begin, at - 1});
    }
    return CodePoints(std::move(ranges));
  }
  return {};
}

}  // namespace hft
