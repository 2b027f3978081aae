#include "core/constraints/pattern.h"

#include <optional>
#include <string>

#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/base/text.h"
#include "core/tokenizers/unicode.h"

namespace hft {
namespace {

constexpr int kPatternNesting = 200;
constexpr std::int64_t kMostRepeats = 100'000;

class PatternParser {
 public:
  explicit PatternParser(std::string_view text) {
    if (utf8_error(text)) fail(Errc::kUsage, "is not UTF-8");
    if (text.size() > limits::kPatternBytes)
      fail(Errc::kUsage, "has ", text.size(), " bytes, the limit is ", limits::kPatternBytes);
    for (std::size_t at = 0; at < text.size();) text_.push_back(unicode::next(text, at));
  }

  Pattern parse() {
    Pattern all = choice(0);
    if (more()) wrong("unmatched )");
    return all;
  }

 private:
  bool more() const { return at_ < text_.size(); }
  char32_t peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : 0;
  }
  bool take(char32_t c) {
    if (!more() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool take(std::string_view word) {
    for (std::size_t i = 0; i < word.size(); ++i)
      if (at_ + i >= text_.size() || text_[at_ + i] != static_cast<unsigned char>(word[i]))
        return false;
    at_ += word.size();
    return true;
  }
  [[noreturn]] void wrong(const std::string& what) const {
    fail(Errc::kUsage, "at ", std::min(at_ + 1, text_.size()), ": ", what);
  }
  [[noreturn]] void unsupported(const std::string& what) const {
    fail(Errc::kUnsupported, "at ", at_ + 1, ": ", what, " is not supported");
  }

  Pattern choice(int depth) {
    if (depth > kPatternNesting)
      wrong("groups nested deeper than " + std::to_string(kPatternNesting));
    Pattern all{.kind = Pattern::Kind::kChoice};
    do all.parts.push_back(sequence(depth));
    while (take(U'|'));
    return all.parts.size() == 1 ? std::move(all.parts[0]) : all;
  }

  Pattern sequence(int depth) {
    Pattern all{.kind = Pattern::Kind::kSequence};
    while (more() && peek() != '|' && peek() != ')') all.parts.push_back(repeated(atom(depth)));
    return all.parts.size() == 1 ? std::move(all.parts[0]) : all;
  }

  // What stands once, with the quantifiers behind it.
  Pattern repeated(Pattern one) {
    for (bool again = false;; again = true) {
      std::int64_t least = 0, most = -1;
      const std::size_t begin = at_;
      if (take(U'*')) {
      } else if (take(U'+')) {
        least = 1;
      } else if (take(U'?')) {
        most = 1;
      } else if (!braces(least, most)) {
        return one;
      }
      if (again) at_ = begin, wrong("nothing to repeat");
      if (peek() == '+') unsupported("a possessive quantifier");
      take(U'?');  // lazy: the same texts
      Pattern all{.kind = Pattern::Kind::kRepeat, .least = least, .most = most};
      all.parts.push_back(std::move(one));
      one = std::move(all);
    }
  }

  std::optional<std::int64_t> number() {
    std::int64_t value = 0;
    const std::size_t begin = at_;
    for (; peek() >= '0' && peek() <= '9'; ++at_)
      value = std::min(value * 10 + static_cast<std::int64_t>(peek() - '0'), kMostRepeats + 1);
    return at_ > begin ? std::optional(value) : std::nullopt;
  }

  // {n}, {n,}, {n,m}, {,m}; anything else is a brace.
  bool braces(std::int64_t& least, std::int64_t& most) {
    const std::size_t begin = at_;
    if (!take(U'{')) return false;
    const auto low = number();
    const bool comma = take(U',');
    const auto high = comma ? number() : low;
    if (!take(U'}') || (!low && !high)) {
      at_ = begin;
      return false;
    }
    least = low.value_or(0), most = high.value_or(-1);
    if (std::max(least, most) > kMostRepeats)
      wrong("a repetition beyond " + std::to_string(kMostRepeats));
    if (most >= 0 && most < least) wrong("a repetition whose end is below its beginning");
    return true;
  }

  static Pattern of(CodePoints set) { return {.kind = Pattern::Kind::kSet, .set = std::move(set)}; }
  static Pattern of(char32_t c) { return of(CodePoints({{c, c}})); }

  Pattern atom(int depth) {
    const char32_t c = peek();
    if (c == '(') return group(depth);
    if (c == '[') return of(bracketed());
    if (c == '\\') return escape();
    if (c == '*' || c == '+' || c == '?') wrong("nothing to repeat");
    if (std::int64_t least, most; c == '{' && braces(least, most)) wrong("nothing to repeat");
    ++at_;
    if (c == '.') return of(pattern_class('.'));
    if (c == '^') return {.kind = Pattern::Kind::kBegin};
    if (c == '$') return {.kind = Pattern::Kind::kEnd};
    return of(c);
  }

  Pattern group(int depth) {
    const std::size_t begin = at_;
    ++at_;
    if (peek() == '?') group_kind();
    Pattern inside = choice(depth + 1);
    if (!take(U')')) at_ = begin, wrong("unmatched (");
    return inside;
  }

  // What stands behind "(?"; only groups that change nothing pass.
  void group_kind() {
    static constexpr std::pair<std::string_view, const char*> kRefused[] = {
        {"?=", "lookahead (?=…)"},    {"?!", "negative lookahead (?!…)"},
        {"?<=", "lookbehind (?<=…)"}, {"?<!", "negative lookbehind (?<!…)"},
        {"?>", "an atomic group"},    {"?P=", "a backreference"},
        {"?P>", "recursion"},         {"?(", "a conditional group"},
        {"?R", "recursion"},          {"?#", "a comment"}};
    const std::size_t begin = at_;
    for (const auto& [mark, name] : kRefused)
      if (take(mark)) at_ = begin - 1, unsupported(name);
    if (take("?:")) return;
    if (!take("?P<") && !take("?<")) --at_, unsupported("a flag in the expression, (?…),");
    while (more() && peek() != '>') ++at_;
    if (!take(U'>')) wrong("a group's name without >");
  }

  Pattern escape() {
    const char32_t c = peek(1);
    if (c == 'b' || c == 'B') unsupported("a word boundary");
    if (c >= '1' && c <= '9') unsupported("a backreference");
    if (c == 'k') unsupported("a backreference");
    if (c == 'G' || c == 'K' || c == 'X' || c == 'R' || c == 'Q')
      unsupported(std::string("\\") + static_cast<char>(c));
    if (c == 'A' || c == 'z' || c == 'Z') {
      at_ += 2;
      return {.kind = c == 'A' ? Pattern::Kind::kBegin : Pattern::Kind::kEnd};
    }
    return of(escaped_set());
  }

  static bool is_class(char32_t c) {
    return c < 128 && std::string_view("dwsDWS").find(static_cast<char>(c)) != std::string::npos;
  }

  // A class, or one code point, behind a backslash.
  CodePoints escaped_set() {
    const char32_t c = peek(1);
    if (at_ + 1 >= text_.size()) wrong("a \\ at the end");
    if (is_class(c)) {
      at_ += 2;
      return pattern_class(static_cast<char>(c));
    }
    if (c == 'p' || c == 'P') return category();
    const char32_t one = escaped_code_point();
    return CodePoints({{one, one}});
  }

  CodePoints category() {
    const std::size_t begin = at_;
    const bool opposite = peek(1) == 'P';
    at_ += 2;
    std::string name;
    if (take(U'{'))
      while (more() && peek() != '}') unicode::append(name, text_[at_++]);
    else if (more())
      unicode::append(name, peek());
    ++at_;
    if (const std::size_t equals = name.find('='); equals != std::string::npos)
      name = name.substr(0, equals) == "gc" ? name.substr(equals + 1) : "?";
    const CodePoints set = unicode_category(name);
    at_ = set.empty() ? begin : at_;
    if (set.empty()) unsupported("\\p{" + name + "}");
    return opposite ? ~set : set;
  }

  char32_t escaped_code_point() {
    const char32_t c = peek(1);
    static constexpr std::pair<char32_t, char32_t> kNamed[] = {
        {'n', '\n'}, {'r', '\r'}, {'t', '\t'}, {'f', '\f'}, {'v', '\v'}, {'0', 0}, {'a', '\a'}};
    for (const auto& [letter, meant] : kNamed)
      if (c == letter) return at_ += 2, meant;
    if (c == 'x' || c == 'u') return hexadecimal();
    if (c == 'c' && ((peek(2) | 32) >= 'a' && (peek(2) | 32) <= 'z')) {
      at_ += 3;
      return text_[at_ - 1] & 31;
    }
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
      wrong(std::string("\\") + static_cast<char>(c) + " means nothing");
    at_ += 2;
    return c;
  }

  // \xHH, \uHHHH, \u{H…}, and a pair of surrogates.
  char32_t hexadecimal() {
    const auto digits = [&](std::size_t n) {
      char32_t value = 0;
      for (std::size_t i = 0; i < n; ++i, ++at_) {
        const char32_t c = peek(), lower = c | 32;
        if (!(c >= '0' && c <= '9') && !(lower >= 'a' && lower <= 'f'))
          wrong("wanted a hexadecimal digit");
        value = value * 16 + (c <= '9' ? c - '0' : lower - 'a' + 10);
      }
      return value;
    };
    const bool byte = peek(1) == 'x';
    at_ += 2;
    if (take(U'{')) {
      std::size_t n = 0;
      while (n < 7 && at_ + n < text_.size() && text_[at_ + n] != '}') ++n;
      const char32_t value = digits(n);
      if (n == 0 || !take(U'}') || value > 0x10ffff) wrong("no code point in \\u{…}");
      return value;
    }
    const char32_t value = digits(byte ? 2 : 4);
    if (value < 0xd800 || value > 0xdbff || peek() != '\\' || peek(1) != 'u') return value;
    at_ += 2;
    const char32_t low = digits(4);
    if (low < 0xdc00 || low > 0xdfff) wrong("half a pair of surrogates");
    return 0x10000 + ((value - 0xd800) << 10) + (low - 0xdc00);
  }

  CodePoints bracketed() {
    const std::size_t begin = at_;
    ++at_;
    const bool opposite = take(U'^');
    CodePoints set;
    std::string classes;  // \d, \S … that are members
    for (bool first = true;; first = false) {
      if (!more()) at_ = begin, wrong("unmatched [");
      if (peek() == ']' && !(first && closes_later())) break;
      if (peek() == '[' && peek(1) == ':') unsupported("a POSIX class [:…:]");
      if (peek() == '\\' && is_class(peek(1))) classes += static_cast<char>(peek(1));
      set = set | member();
    }
    ++at_;
    for (const char letter : classes) {
      const CodePoints other = pattern_class(static_cast<char>(letter ^ 32));
      if (classes.find(static_cast<char>(letter ^ 32)) != std::string::npos)
        set = CodePoints::all();
      if (opposite) set = set | ~other;  // [^\w] is no wider than \W
    }
    return opposite ? ~set : set;
  }

  // "[]a]" holds "]" as in Python; "[]" is the empty set as in ECMAScript.
  bool closes_later() const {
    for (std::size_t i = at_ + 1; i < text_.size() && text_[i] != '['; ++i)
      if (text_[i] == ']' && text_[i - 1] != '\\') return true;
    return false;
  }

  // One code point, a class, or a range of code points.
  CodePoints member() {
    const std::size_t begin = at_;
    const CodePoints low = end_point();
    if (peek() != '-' || at_ + 1 >= text_.size() || peek(1) == ']') return low;
    ++at_;
    const CodePoints high = end_point();
    const auto one = [](const CodePoints& set) {
      return set.ranges().size() == 1 && set.ranges()[0].first == set.ranges()[0].last;
    };
    if (!one(low) || !one(high)) return low | high | CodePoints({{'-', '-'}});
    if (high.ranges()[0].first < low.ranges()[0].first)
      at_ = begin, wrong("a range that is backwards");
    return CodePoints({{low.ranges()[0].first, high.ranges()[0].first}});
  }

  CodePoints end_point() {
    if (peek() == '\\') {
      if (peek(1) == 'b') return at_ += 2, CodePoints({{'\b', '\b'}});
      return escaped_set();
    }
    const char32_t c = text_[at_++];
    return CodePoints({{c, c}});
  }

  std::vector<char32_t> text_;
  std::size_t at_ = 0;
};

}  // namespace

Pattern parse_pattern(std::string_view text) { return PatternParser(text).parse(); }

}  // namespace hft
