#include "core/templates/lexer.h"

#include "core/templates/big_integer.h"

#include <charconv>

#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/templates/python_text.h"

namespace hft::jinja {
namespace {

struct Operator {
  std::string_view text;
  Tok type;
};
constexpr Operator kOperators[] = {
    {"**", Tok::kPow},     {"//", Tok::kFloorDiv}, {"==", Tok::kEq},    {"!=", Tok::kNe},
    {">=", Tok::kGe},      {"<=", Tok::kLe},       {"+", Tok::kAdd},    {"-", Tok::kSub},
    {"/", Tok::kDiv},      {"*", Tok::kMul},       {"%", Tok::kMod},    {"~", Tok::kTilde},
    {"[", Tok::kLBracket}, {"]", Tok::kRBracket},  {"(", Tok::kLParen}, {")", Tok::kRParen},
    {"{", Tok::kLBrace},   {"}", Tok::kRBrace},    {">", Tok::kGt},     {"<", Tok::kLt},
    {"=", Tok::kAssign},   {".", Tok::kDot},       {":", Tok::kColon},  {"|", Tok::kPipe},
    {",", Tok::kComma},    {";", Tok::kSemicolon}};

bool digit(char c) { return c >= '0' && c <= '9'; }

int digit_value(char c) {
  if (digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return 99;
}

// Newlines as \n, without the last one.
std::string normal_newlines(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r') {
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
      out += '\n';
    } else {
      out += source[i];
    }
  }
  if (out.ends_with('\n')) out.pop_back();
  return out;
}

bool valid_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    auto lead = static_cast<unsigned char>(text[at]);
    std::size_t n = lead < 0x80                   ? 1
                    : lead >= 0xc2 && lead < 0xe0 ? 2
                    : (lead & 0xf0) == 0xe0       ? 3
                    : lead >= 0xf0 && lead < 0xf5 ? 4
                                                  : 0;
    if (n == 0 || at + n > text.size()) return false;
    for (std::size_t i = 1; i < n; ++i)
      if ((static_cast<unsigned char>(text[at + i]) & 0xc0) != 0x80) return false;
    char32_t c = decode(text, at);
    if ((n == 3 && c < 0x800) || (n == 4 && (c < 0x10000 || c > 0x10ffff)) ||
        (c >= 0xd800 && c < 0xe000))
      return false;
  }
  return true;
}

// The value of `digits` hexadecimal digits at `at`, which moves past them.
char32_t hex_escape(std::string_view text, std::size_t& at, int digits, int line) {
  char32_t c = 0;
  for (int i = 0; i < digits; ++i, ++at) {
    int v = at < text.size() ? digit_value(text[at]) : 99;
    if (v > 15) syntax_error(line, "a truncated escape in a string literal");
    c = c << 4 | static_cast<char32_t>(v);
  }
  if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
    syntax_error(line, "an escape in a string literal is no Unicode character");
  return c;
}

// What a backslash at `at` - 1 stands for; `at` moves past the escape.
void unescape_one(std::string& out, std::string_view text, std::size_t& at, int line) {
  constexpr std::string_view kFrom = "\\'\"abfnrtv", kTo = "\\'\"\a\b\f\n\r\t\v";
  char c = text[at];
  if (auto i = kFrom.find(c); i != std::string_view::npos) {
    ++at;
    out += kTo[i];
  } else if (c == '\n') {
    ++at;
  } else if (c == 'x' || c == 'u' || c == 'U') {
    append(out, hex_escape(text, ++at, c == 'x' ? 2 : c == 'u' ? 4 : 8, line));
  } else if (c >= '0' && c <= '7') {
    char32_t value = 0;
    for (int i = 0; i < 3 && at < text.size() && text[at] >= '0' && text[at] <= '7'; ++i)
      value = value * 8 + static_cast<char32_t>(text[at++] - '0');
    append(out, value);
  } else if (c == 'N') {
    syntax_error(line, "\\N{…} escapes are not supported");
  } else {
    out += '\\';
  }
}

std::string unescape(std::string_view text, int line) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] != '\\' || at + 1 == text.size()) {
      out += text[at++];
    } else {
      unescape_one(out, text, ++at, line);
    }
  }
  return out;
}

}  // namespace

void syntax_error(int line, const std::string& message) {
  fail(Errc::kBadData, "chat template line ", line, ": ", message);
}

Lexer::Lexer(std::string_view source) {
  if (source.size() > static_cast<std::size_t>(limits::kTemplateBytes))
    fail(Errc::kBadData, "chat template: ", source.size(), " bytes, the limit is ",
         limits::kTemplateBytes);
  if (!valid_utf8(source)) fail(Errc::kBadData, "chat template: not valid UTF-8");
  source_ = normal_newlines(source);
}

Token Lexer::token(Tok type) const {
  Token made;
  made.type = type;
  made.line = line_;
  return made;
}

bool Lexer::looking_at(std::string_view text) const {
  return std::string_view(source_).substr(at_).starts_with(text);
}

void Lexer::advance(std::size_t to) {
  for (; at_ < to; ++at_) line_ += source_[at_] == '\n';
}

std::size_t Lexer::space_end(std::size_t at) const {
  while (at < source_.size()) {
    std::size_t next = at;
    if (!is_space(decode(source_, next))) break;
    at = next;
  }
  return at;
}

void Lexer::skip_space() { advance(space_end(at_)); }

Token Lexer::next() {
  Token out = token(Tok::kEnd);
  if (state_ == State::kData) {
    if (lex_data(out)) return out;
    return out;
  }
  skip_space();
  return lex_tag();
}

// The text up to a tag that begins at `end`, without what the tag's sign and lstrip_blocks strip.
std::string Lexer::data_before_tag(std::size_t end, char sign, bool variable) {
  std::string_view text = std::string_view(source_).substr(at_, end - at_);
  if (sign == '-') return std::string(strip(text, nullptr, false, true));
  if (sign != '+' && !variable) {
    auto newline = text.rfind('\n');
    std::size_t line = newline == std::string_view::npos ? 0 : newline + 1;
    if ((line > 0 || line_starting_) && space_end(at_ + line) >= end) text = text.substr(0, line);
  }
  return std::string(text);
}

// {% raw %} at at_: moves past it.
bool Lexer::match_raw_begin() {
  std::size_t at = at_ + 2;
  if (at < source_.size() && (source_[at] == '-' || source_[at] == '+')) ++at;
  at = space_end(at);
  if (source_.compare(at, 3, "raw") != 0) return false;
  at = space_end(at + 3);
  if (source_.compare(at, 3, "-%}") == 0) {
    at = space_end(at + 3);
  } else if (source_.compare(at, 2, "%}") == 0) {
    at += 2;
  } else {
    return false;
  }
  advance(at);
  line_starting_ = source_[at_ - 1] == '\n';
  return true;
}

// The text of a raw block, which begins at at_.
void Lexer::lex_raw(std::string& text) {
  for (std::size_t end = source_.find("{%", at_); end != std::string::npos;
       end = source_.find("{%", end + 2)) {
    std::size_t at = end + 2;
    char sign = at < source_.size() && (source_[at] == '-' || source_[at] == '+') ? source_[at] : 0;
    at = space_end(at + (sign != 0));
    if (source_.compare(at, 6, "endraw") != 0) continue;
    at = space_end(at + 6);
    std::size_t stop = at;
    if (source_.compare(at, 3, "+%}") == 0)
      stop = at + 3;
    else if (source_.compare(at, 3, "-%}") == 0)
      stop = space_end(at + 3);
    else if (source_.compare(at, 2, "%}") == 0)
      stop = at + 2 + (source_[at + 2] == '\n');
    else
      continue;
    text += data_before_tag(end, sign, false);
    advance(stop);
    line_starting_ = source_[at_ - 1] == '\n';
    return;
  }
  syntax_error(line_, "missing end of raw directive");
}

void Lexer::lex_comment() {
  std::size_t start = at_, end = source_.find("#}", at_);
  if (end == std::string::npos) syntax_error(line_, "missing end of comment tag");
  char sign = end > start ? source_[end - 1] : 0;
  std::size_t stop = end + 2;
  if (sign == '-')
    stop = space_end(stop);
  else if (sign != '+')
    stop += stop < source_.size() && source_[stop] == '\n';
  advance(stop);
  line_starting_ = source_[at_ - 1] == '\n';
}

// Text up to the next block or variable, which is then begun; comments are passed over. The token
// is kData when there is text, else the tag's beginning; kEnd at the end of the source.
bool Lexer::lex_data(Token& out) {
  while (at_ < source_.size()) {
    std::size_t tag = at_;
    do {
      tag = source_.find('{', tag);
    } while (tag != std::string::npos && ++tag < source_.size() && source_[tag] != '%' &&
             source_[tag] != '{' && source_[tag] != '#');
    out.line = line_;
    if (tag == std::string::npos || tag >= source_.size()) {
      out.type = Tok::kData;
      out.text += source_.substr(at_);
      advance(source_.size());
      return true;
    }
    char kind = source_[tag--];
    char sign = tag + 2 < source_.size() ? source_[tag + 2] : 0;
    if (sign != '-' && sign != '+') sign = 0;
    if (at_ == tag && out.text.empty() && kind != '#') {
      if (kind == '%' && match_raw_begin()) {
        lex_raw(out.text);
        if (out.text.empty()) continue;
        out.type = Tok::kData;
        return true;
      }
      out.type = kind == '%' ? Tok::kBlockBegin : Tok::kVariableBegin;
      state_ = kind == '%' ? State::kBlock : State::kVariable;
      advance(tag + 2 + (sign != 0));
      return true;
    }
    out.text += data_before_tag(tag, sign, kind == '{');
    advance(tag);
    if (kind == '#') {
      advance(tag + 2 + (sign != 0));
      lex_comment();
    }
    // The tag is met again with no text before it: nothing more may be stripped.
    if (out.text.empty()) continue;
    out.type = Tok::kData;
    return true;
  }
  out.type = Tok::kEnd;
  out.line = line_;
  return false;
}

// The end of the tag, when it is here and every bracket is closed.
bool Lexer::lex_end(Token& out) {
  if (!open_.empty()) return false;
  std::string_view mark = state_ == State::kBlock ? "%}" : "}}";
  std::size_t sign = looking_at("-") || (state_ == State::kBlock && looking_at("+")) ? 1 : 0;
  if (source_.compare(at_ + sign, 2, mark) != 0) return false;
  std::size_t stop = at_ + sign + 2;
  if (source_[at_] == '-')
    stop = space_end(stop);
  else if (sign == 0 && state_ == State::kBlock)
    stop += stop < source_.size() && source_[stop] == '\n';
  out = token(state_ == State::kBlock ? Tok::kBlockEnd : Tok::kVariableEnd);
  advance(stop);
  line_starting_ = source_[at_ - 1] == '\n';
  state_ = State::kData;
  return true;
}

Token Lexer::lex_tag() {
  Token out = token(Tok::kEnd);
  if (at_ >= source_.size()) return out;
  if (lex_end(out)) return out;
  char c = source_[at_];
  if (digit(c)) return lex_number();
  if (c == '\'' || c == '"') return lex_string();
  std::size_t past = at_;
  if (is_word(decode(source_, past))) return lex_name();
  return lex_operator();
}

Token Lexer::lex_name() {
  Token out = token(Tok::kName);
  std::size_t end = at_;
  while (end < source_.size()) {
    std::size_t next = end;
    if (!is_word(decode(source_, next))) break;
    end = next;
  }
  out.text = source_.substr(at_, end - at_);
  std::size_t past = 0;
  char32_t first = decode(out.text, past);
  if (first >= 0x80 && !is_alpha(first)) syntax_error(line_, "invalid character in identifier");
  advance(end);
  return out;
}

Token Lexer::lex_number() {
  auto run = [&](std::size_t at) {  // digits, '_' between them
    while (at < source_.size() &&
           (digit(source_[at]) || (source_[at] == '_' && digit(source_[at - 1]) &&
                                   at + 1 < source_.size() && digit(source_[at + 1]))))
      ++at;
    return at;
  };
  auto clean = [&](std::size_t begin, std::size_t end) {
    std::string text;
    for (; begin < end; ++begin)
      if (source_[begin] != '_') text += source_[begin];
    return text;
  };
  auto at_digit = [&](std::size_t at) { return at < source_.size() && digit(source_[at]); };
  std::size_t whole = run(at_), end = whole;
  bool after_dot = at_ > 0 && source_[at_ - 1] == '.', real = false;
  if (!after_dot) {
    if (source_[end] == '.' && at_digit(end + 1)) end = run(end + 1), real = true;
    if (end < source_.size() && (source_[end] == 'e' || source_[end] == 'E')) {
      std::size_t digits = end + 1 + (source_[end + 1] == '+' || source_[end + 1] == '-');
      if (at_digit(digits)) end = run(digits), real = true;
    }
  }
  Token out = token(real ? Tok::kFloat : Tok::kInteger);
  if (real) {
    std::string text = clean(at_, end);
    out.real = std::strtod(text.c_str(), nullptr);
    advance(end);
    return out;
  }
  int base = 10;
  if (source_[at_] == '0' && at_ + 1 < source_.size()) {
    char mark = source_[at_ + 1] | 0x20;
    int wanted = mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 10;
    std::size_t first = at_ + 2 + (at_ + 2 < source_.size() && source_[at_ + 2] == '_');
    if (wanted != 10 && first < source_.size() && digit_value(source_[first]) < wanted)
      base = wanted;
  }
  std::size_t begin = at_;
  if (base != 10) {
    begin = end = at_ + 2;
    while (end < source_.size() &&
           (digit_value(source_[end]) < base || (source_[end] == '_' && end + 1 < source_.size() &&
                                                 digit_value(source_[end + 1]) < base)))
      ++end;
  } else if (source_[at_] == '0') {
    for (end = at_ + 1; source_[end] == '0' || (source_[end] == '_' && source_[end + 1] == '0');)
      ++end;
  }
  std::string text = clean(begin, end);
  const auto parsed = BigInteger::parse(text, base);
  if (!parsed) syntax_error(line_, "an integer literal of more than 4300 digits");
  out.integer = parsed->value();
  advance(end);
  return out;
}

Token Lexer::lex_string() {
  Token out = token(Tok::kString);
  char quote = source_[at_];
  std::size_t end = at_ + 1;
  while (end < source_.size() && source_[end] != quote) end += source_[end] == '\\' ? 2 : 1;
  if (end >= source_.size()) syntax_error(line_, "a string literal without its end");
  out.text = unescape(std::string_view(source_).substr(at_ + 1, end - at_ - 1), line_);
  advance(end + 1);
  return out;
}

Token Lexer::lex_operator() {
  for (const Operator& op : kOperators) {
    if (!looking_at(op.text)) continue;
    Token out = token(op.type);
    out.text = op.text;
    char c = op.text[0];
    if (c == '(' || c == '[' || c == '{') open_ += c == '(' ? ')' : c == '[' ? ']' : '}';
    if (c == ')' || c == ']' || c == '}') {
      if (open_.empty()) syntax_error(line_, std::string("unexpected '") + c + "'");
      if (open_.back() != c)
        syntax_error(line_, std::string("unexpected '") + c + "', expected '" + open_.back() + "'");
      open_.pop_back();
    }
    advance(at_ + op.text.size());
    return out;
  }
  std::size_t past = at_;
  std::string shown;
  append_repr(shown, std::string_view(source_).substr(at_, (decode(source_, past), past - at_)));
  syntax_error(line_, "unexpected character " + shown);
}

}  // namespace hft::jinja
