#include "core/base/toml.h"

#include <charconv>
#include <string>

#include "core/base/error.h"
#include "core/base/text.h"

namespace hft {
namespace {

class Parser {
 public:
  Parser(std::string_view text, std::string_view where) : text_(text), where_(where) {}

  Json parse() {
    if (const auto bad = utf8_error(text_)) fail(Errc::kBadData, where_, ": not UTF-8 at byte ", *bad);
    Json all = Json::object();
    std::string table;
    while (skip_blank(), at_ < text_.size()) {
      if (text_[at_] == '[') {
        table = header();
        if (!all.contains(table)) all[table] = Json::object();
        if (!all[table].is_object()) wrong("'" + table + "' is a key already");
      } else {
        Json& owner = table.empty() ? all : all[table];
        const std::string name = key();
        skip_spaces();
        take('=');
        skip_spaces();
        if (owner.contains(name)) wrong("'" + name + "' stands twice");
        owner[name] = value();
      }
      end_line();
    }
    return all;
  }

 private:
  [[noreturn]] void wrong(const std::string& what) const {
    fail(Errc::kBadData, where_, ": line ", line_, ": ", what);
  }
  char here() const { return at_ < text_.size() ? text_[at_] : '\n'; }
  void take(char c) {
    if (here() != c) wrong(std::string("wanted '") + c + "'");
    ++at_;
  }
  void skip_spaces() {
    while (here() == ' ' || here() == '\t') ++at_;
  }
  void skip_comment() {
    if (here() != '#') return;
    while (at_ < text_.size() && text_[at_] != '\n') ++at_;
  }
  // White space, comments and line ends.
  void skip_blank() {
    while (at_ < text_.size()) {
      skip_spaces();
      skip_comment();
      if (at_ == text_.size() || (text_[at_] != '\n' && text_[at_] != '\r')) return;
      line_ += text_[at_++] == '\n';
    }
  }
  void end_line() {
    skip_spaces();
    skip_comment();
    if (at_ < text_.size() && text_[at_] != '\n' && text_[at_] != '\r')
      wrong("something follows the value");
  }
  std::string header() {
    take('[');
    std::string name;
    do {
      if (!name.empty()) name += ' ';
      skip_spaces();
      name += key();
      skip_spaces();
    } while (here() == '.' && ++at_);
    take(']');
    return name;
  }
  std::string key() {
    if (here() == '"' || here() == '\'') return quoted();
    std::string name;
    for (char c = here(); std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-'; c = here())
      name += text_[at_++];
    if (name.empty()) wrong("wanted a name");
    return name;
  }
  Json value() {
    const char c = here();
    if (c == '"' || c == '\'') return quoted();
    if (c == '[') return list();
    std::string word;
    while (std::string_view(" \t\r\n,]#").find(here()) == std::string_view::npos) word += text_[at_++];
    if (word == "true" || word == "false") return word == "true";
    std::erase(word, '_');
    std::int64_t whole = 0;
    double number = 0;
    const char *begin = word.data() + word.starts_with('+'), *end = word.data() + word.size();
    if (const auto r = std::from_chars(begin, end, whole); r.ptr == end && r.ec == std::errc() && begin != end)
      return whole;
    if (const auto r = std::from_chars(begin, end, number); r.ptr == end && r.ec == std::errc() && begin != end)
      return number;
    wrong("'" + word + "' is no text in quotes, number, true, false or list");
  }
  Json list() {
    Json all = Json::array();
    take('[');
    while (true) {
      skip_blank();
      if (here() == ']') break;
      all.push_back(value());
      skip_blank();
      if (here() == ']') break;
      take(',');
    }
    take(']');
    return all;
  }
  // "…" with the escapes of JSON, or '…' as it stands.
  std::string quoted() {
    const char quote = text_[at_];
    const std::size_t begin = at_++;
    for (; here() != quote; ++at_) {
      if (here() == '\n') wrong("a quote is not closed");
      if (here() == '\\' && quote == '"') ++at_;
    }
    ++at_;
    const std::string_view all = text_.substr(begin, at_ - begin);
    if (quote == '\'') return std::string(all.substr(1, all.size() - 2));
    try {
      return parse_json(all, where_);
    } catch (const Error&) {
      wrong("a text with an escape that is none");
    }
  }

  std::string_view text_, where_;
  std::size_t at_ = 0;
  int line_ = 1;
};

}  // namespace

Json parse_toml(std::string_view text, std::string_view where) {
  return Parser(text, where).parse();
}

}  // namespace hft
