// Reads one JSON text (RFC 8259) piece by piece, in one pass, for a receiver with the functions of
// nlohmann's SAX interface. What the RFC leaves open is decided as Python's json decides it.
#pragma once

#include <utf8proc.h>

#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/base/text.h"

namespace hft {

// Where and why a text is not JSON.
struct JsonFault {
  std::size_t at;  // byte, from 0
  std::string why;
  bool encoding = false;  // it is not UTF-8
};

// kPython also reads NaN, Infinity and -Infinity, and numbers beyond a double as infinite.
enum class JsonDialect { kPython, kRfc };

template <class Receiver>
class JsonReader {
 public:
  JsonReader(std::string_view text, Receiver& receiver, JsonDialect dialect)
      : text_(text), receiver_(receiver), python_(dialect == JsonDialect::kPython) {}

  // Throws JsonFault, kBadData for nesting deeper than limits::kJsonDepth, what the receiver
  // throws.
  void read() {
    if (python_ && text_.starts_with("\xef\xbb\xbf")) at_ = 3;
    for (bool value_next = true; value_next || !open_.empty();)
      value_next = value_next ? value() : after_value();
    skip_blanks();
    if (at_ < text_.size()) wrong("text after the end of the value");
  }

 private:
  [[noreturn]] void wrong(std::string why) const { throw JsonFault{at_, std::move(why)}; }
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void skip_blanks() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t'))
      ++at_;
  }

  // One value, or the opening of one; true when another must follow: the first of a list or object.
  bool value() {
    skip_blanks();
    switch (peek()) {
      case '{':
      case '[':
        return open();
      case '"':
        string();
        receiver_.string(word_);
        return false;
      case 't':
        literal("true"), receiver_.boolean(true);
        return false;
      case 'f':
        literal("false"), receiver_.boolean(false);
        return false;
      case 'n':
        literal("null"), receiver_.null();
        return false;
      default:
        number();
        return false;
    }
  }

  bool open() {
    if (open_.size() >= static_cast<std::size_t>(limits::kJsonDepth))
      fail(Errc::kBadData, "nested deeper than ", limits::kJsonDepth);
    const bool object = text_[at_++] == '{';
    open_.push_back(object ? '}' : ']');
    object ? receiver_.start_object(kUnknown) : receiver_.start_array(kUnknown);
    skip_blanks();
    if (peek() == open_.back()) return close();
    if (object) key();
    return true;
  }

  bool close() {
    ++at_;
    open_.back() == '}' ? receiver_.end_object() : receiver_.end_array();
    open_.pop_back();
    return false;
  }

  bool after_value() {
    skip_blanks();
    if (peek() == open_.back()) return close();
    if (peek() != ',') wrong(std::string("expected ',' or '") + open_.back() + "'");
    ++at_;
    skip_blanks();
    if (open_.back() == '}') key();
    return true;
  }

  void key() {
    if (peek() != '"') wrong("expected a name in double quotes");
    string();
    receiver_.key(word_);
    skip_blanks();
    if (peek() != ':') wrong("expected ':'");
    ++at_;
  }

  void literal(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) wrong("expected a value");
    at_ += word.size();
  }

  // Into word_, whose bytes are valid UTF-8.
  void string() {
    word_.clear();
    for (++at_;;) {
      const std::size_t start = at_;
      while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\\' &&
             static_cast<unsigned char>(text_[at_]) >= 0x20)
        ++at_;
      const std::string_view run = text_.substr(start, at_ - start);
      if (const auto bad = utf8_error(run)) throw JsonFault{start + *bad, "not UTF-8", true};
      word_ += run;
      if (at_ >= text_.size()) wrong("a string without its closing quote");
      if (text_[at_] == '"') break;
      if (text_[at_] != '\\') wrong("a control character in a string");
      escape();
    }
    ++at_;
  }

  void escape() {
    static constexpr std::string_view kNames = "\"\\/bfnrt", kMeanings = "\"\\/\b\f\n\r\t";
    const std::size_t start = at_++;
    if (const auto i = kNames.find(peek()); i != std::string_view::npos && at_ < text_.size()) {
      word_ += kMeanings[i];
      ++at_;
      return;
    }
    if (peek() != 'u') wrong("an unknown escape");
    std::uint32_t c = unit();
    if (c >= 0xd800 && c < 0xdc00 && text_.substr(at_).starts_with("\\u")) {
      ++at_;
      const std::uint32_t low = unit();
      c = low >= 0xdc00 && low < 0xe000 ? 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00) : 0xd800;
    }
    if (c >= 0xd800 && c < 0xe000) at_ = start, wrong("half a surrogate pair");
    utf8proc_uint8_t bytes[4];
    const auto size = utf8proc_encode_char(static_cast<utf8proc_int32_t>(c), bytes);
    word_.append(bytes, bytes + size);
  }

  // The four digits after "\u", of which the u is next.
  std::uint32_t unit() {
    std::uint32_t c = 0;
    const char* first = text_.data() + at_ + 1;
    if (text_.size() - at_ < 5 || std::from_chars(first, first + 4, c, 16).ptr != first + 4)
      wrong("\\u without four hexadecimal digits");
    at_ += 5;
    return c;
  }

  std::size_t digits() {
    const std::size_t start = at_;
    while (peek() >= '0' && peek() <= '9') ++at_;
    return at_ - start;
  }

  void number() {
    const std::size_t start = at_;
    const bool minus = peek() == '-';
    at_ += minus;
    if (python_ && special(minus)) return;
    if (peek() == '0')
      ++at_;
    else if (digits() == 0)
      at_ = start, wrong("expected a value");
    bool whole = true;
    if (peek() == '.') {
      whole = false, ++at_;
      if (digits() == 0) wrong("expected a digit");
    }
    if (peek() == 'e' || peek() == 'E') {
      whole = false, ++at_;
      at_ += peek() == '+' || peek() == '-';
      if (digits() == 0) wrong("expected a digit");
    }
    const std::string_view all = text_.substr(start, at_ - start);
    if (!whole || !integer(all)) real(start, std::string(all));
  }

  bool special(bool minus) {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    if (peek() == 'I') {
      literal("Infinity");
      receiver_.number_float(minus ? -kInfinity : kInfinity, minus ? "-Infinity" : "Infinity");
    } else if (peek() == 'N' && !minus) {
      literal("NaN");
      receiver_.number_float(std::numeric_limits<double>::quiet_NaN(), "NaN");
    } else {
      return false;
    }
    return true;
  }

  // False when it takes more than 64 bits.
  bool integer(std::string_view all) {
    const char* end = all.data() + all.size();
    if (std::uint64_t n = 0;
        all[0] != '-' && std::from_chars(all.data(), end, n).ec == std::errc()) {
      receiver_.number_unsigned(n);
      return true;
    }
    std::int64_t n = 0;
    if (all[0] != '-' || std::from_chars(all.data(), end, n).ec != std::errc()) return false;
    receiver_.number_integer(n);
    return true;
  }

  void real(std::size_t start, const std::string& all) {
    double value = 0;
    if (std::from_chars(all.data(), all.data() + all.size(), value).ec != std::errc())
      value = std::strtod(all.c_str(), nullptr);
    if (!python_ && std::isinf(value)) at_ = start, wrong("number overflow");
    receiver_.number_float(value, all);
  }

  static constexpr std::size_t kUnknown = static_cast<std::size_t>(-1);
  std::string_view text_;
  Receiver& receiver_;
  bool python_;
  std::size_t at_ = 0;
  std::vector<char> open_;  // what closes each open list and object
  std::string word_;
};

}  // namespace hft
