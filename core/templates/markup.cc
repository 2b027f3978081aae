// Text that is HTML: escaping, and the filters that make or read it. Results are those of
// markupsafe 3.0 and jinja2 3.1 (utils.py, filters.py).
#include "core/templates/markup.h"

#include <oniguruma.h>

#include <set>

#include "core/templates/print.h"
#include "core/templates/runtime.h"
#include "core/templates/python_text.h"

namespace hft::jinja {
namespace {

bool given(const Value& value) { return !value.is(Kind::kMissing) && !value.is(Kind::kNone); }

Value filter_escape(Runtime&, const Value& self, Args& args) {
  bind("escape", args, {});
  return escape(self);
}

Value filter_forceescape(Runtime&, const Value& self, Args& args) {
  bind("forceescape", args, {});
  return Value::markup(escape_html(str(self)));
}

Value filter_safe(Runtime&, const Value& self, Args& args) {
  bind("safe", args, {});
  return Value::markup(str(self));
}

// Everything from `open` to the next `close` goes, front to back.
void cut_between(std::string& text, std::string_view open, std::string_view close) {
  std::string out;
  std::size_t at = 0;
  while (true) {
    const std::size_t start = text.find(open, at);
    const std::size_t end = start == std::string::npos ? start : text.find(close, start);
    if (end == std::string::npos) break;
    out += text.substr(at, start - at);
    at = end + close.size();
    charge(1);
  }
  text = out + text.substr(at);
}

Value filter_striptags(Runtime&, const Value& self, Args& args) {
  bind("striptags", args, {});
  std::string text = str(self);
  charge(static_cast<std::int64_t>(text.size() / 8));
  // What is cut may bring two halves of another tag together.
  for (std::size_t before = text.size() + 1; text.size() < before;) {
    before = text.size();
    cut_between(text, "<!--", "-->");
  }
  for (std::size_t before = text.size() + 1; text.size() < before;) {
    before = text.size();
    cut_between(text, "<", ">");
  }
  std::string out;
  for (std::string_view rest = strip(text, nullptr, true, true); !rest.empty();) {
    std::size_t end = 0, at = 0;
    while (at < rest.size() && !is_space(decode(rest, at))) end = at;
    out += (out.empty() ? "" : " ") + std::string(rest.substr(0, end));
    rest = strip(rest.substr(end), nullptr, true, false);
  }
  return Value(unescape_html(out));
}

// ---- urlize

class Pattern {
 public:
  explicit Pattern(std::string_view source) {
    const auto* bytes = reinterpret_cast<const OnigUChar*>(source.data());
    onig_new(&regex_, bytes, bytes + source.size(), ONIG_OPTION_IGNORECASE, ONIG_ENCODING_UTF8,
             ONIG_SYNTAX_RUBY, nullptr);
  }
  bool matches(std::string_view text) const {
    const auto* begin = reinterpret_cast<const OnigUChar*>(text.data());
    return onig_match(regex_, begin, begin + text.size(), begin, nullptr, ONIG_OPTION_NONE) >= 0;
  }

 private:
  regex_t* regex_ = nullptr;
};

bool is_address(std::string_view text) {
  static const Pattern pattern(
      R"(\A((https?://|www\.)(([\w%\-]+\.)+)?([a-z]{2,63}|xn--[\w%]{2,59}))"
      R"(|([\w%\-]{2,63}\.)+(com|net|int|edu|gov|org|info|mil))"
      R"(|(https?://)((([\d]{1,3})(\.[\d]{1,3}){3})|(\[([\da-f]{0,4}:){2}([\da-f]{0,4}:?){1,6}\]))))"
      R"((?::[\d]{1,5})?(?:[/?#]\S*)?\z)");
  return pattern.matches(text);
}

bool is_mail(std::string_view text) {
  static const Pattern pattern(R"(\A\S+@\w[\w.\-]*\.\w+\z)");
  return pattern.matches(text);
}

bool is_scheme(std::string_view text) {
  static const Pattern pattern(R"(\A[\w.+\-]{2,}:(//)?\z)");
  return pattern.matches(text);
}

struct Links {
  std::optional<std::int64_t> limit;
  std::string attributes;  // rel and target
  std::vector<std::string> schemes;
};

std::string link(std::string_view target, std::string_view shown, std::string_view attributes) {
  return "<a href=\"" + std::string(target) + "\"" + std::string(attributes) + ">" +
         std::string(shown) + "</a>";
}

// A word without what stands around it, as a link where it is one.
std::string linked(const std::string& word, const Links& links) {
  const auto shown = [&] {
    if (!links.limit || count_points(word) <= *links.limit) return word;
    return word.substr(0, byte_of(word, std::max<std::int64_t>(0, *links.limit))) + "...";
  };
  if (is_address(word)) {
    const bool whole = word.starts_with("https://") || word.starts_with("http://");
    return link(whole ? word : "https://" + word, shown(), links.attributes);
  }
  if (word.starts_with("mailto:") && is_mail(std::string_view(word).substr(7)))
    return link(word, std::string_view(word).substr(7), "");
  if (word.find('@') != std::string::npos && !word.starts_with("www.") && word[0] != '@' &&
      word.find(':') == std::string::npos && is_mail(word))
    return link("mailto:" + word, word, "");
  std::string out = word;
  for (const auto& scheme : links.schemes)
    if (out != scheme && out.starts_with(scheme)) out = link(out, out, links.attributes);
  return out;
}

// Brackets and full stops around a word are not part of its link, unless the brackets pair.
std::string word_with_links(std::string_view word, const Links& links) {
  std::size_t start = 0, end = word.size();
  for (bool more = true; more;) {
    more = false;
    for (std::string_view lead : {"(", "<", "&lt;"})
      if (word.substr(start).starts_with(lead)) start += lead.size(), more = true;
  }
  for (bool more = true; more;) {
    more = false;
    for (std::string_view trail : {")", ">", ".", ",", "\n", "&gt;"})
      if (word.substr(start, end - start).ends_with(trail)) end -= trail.size(), more = true;
  }
  const auto count = [](std::string_view text, std::string_view part) {
    std::int64_t n = 0;
    for (auto at = text.find(part); at != text.npos; at = text.find(part, at + part.size())) ++n;
    return n;
  };
  constexpr std::pair<std::string_view, std::string_view> kPairs[] = {
      {"(", ")"}, {"<", ">"}, {"&lt;", "&gt;"}};
  for (auto [open, close] : kPairs) {
    const std::string_view middle = word.substr(start, end - start), tail = word.substr(end);
    const std::int64_t opened = count(middle, open);
    if (opened <= count(middle, close)) continue;
    for (auto left = std::min(opened, count(tail, close)); left > 0; --left)
      end = word.find(close, end) + close.size();
  }
  return std::string(word.substr(0, start)) +
         linked(std::string(word.substr(start, end - start)), links) +
         std::string(word.substr(end));
}

// rel holds noopener, nofollow where asked for, and what is given, in order.
std::string attributes_of(const Value& rel, bool nofollow, const Value& target) {
  std::set<std::string> parts{"noopener"};
  if (nofollow) parts.insert("nofollow");
  std::string word;
  for (char c : (given(rel) ? str(rel) : "") + " ") {
    if (static_cast<unsigned char>(c) > ' ') {
      word += c;
    } else if (!word.empty()) {
      parts.insert(std::exchange(word, ""));
    }
  }
  std::string joined;
  for (const auto& part : parts) joined += (joined.empty() ? "" : " ") + part;
  std::string out = " rel=\"" + escape_html(joined) + "\"";
  if (given(target) && target.truthy()) out += " target=\"" + escape(target).text() + "\"";
  return out;
}

Value filter_urlize(Runtime& runtime, const Value& self, Args& args) {
  auto a = bind("urlize", args, {"trim_url_limit", "nofollow", "target", "rel", "extra_schemes"});
  Links links;
  if (given(a[0])) links.limit = need_index(a[0], "trim_url_limit");
  links.attributes = attributes_of(a[3], given(a[1]) && a[1].truthy(), a[2]);
  if (given(a[4]))
    for (const Value& scheme : to_vector(runtime, a[4])) {
      if (!is_scheme(need_text(scheme, "a scheme")))
        fail(Errc::kBadData, repr(scheme), " is not a valid URI scheme prefix.");
      links.schemes.push_back(scheme.text());
    }
  const Value escaped = escape(self);
  std::string_view rest = escaped.text();
  charge(static_cast<std::int64_t>(rest.size()));
  std::string out;
  while (!rest.empty()) {
    std::size_t end = 0, at = 0;
    while (at < rest.size() && !is_space(decode(rest, at))) end = at;
    if (end > 0) out += word_with_links(rest.substr(0, end), links);
    rest.remove_prefix(end);
    const std::string_view after = strip(rest, nullptr, true, false);
    out += rest.substr(0, rest.size() - after.size());
    rest = after;
    allow_text(out.size());
  }
  return runtime.autoescape ? Value::markup(std::move(out)) : Value(std::move(out));
}

// ---- long texts

Value filter_wordwrap(Runtime&, const Value& self, Args& args) {
  auto a = bind("wordwrap", args, {"width", "break_long_words", "wrapstring", "break_on_hyphens"});
  const auto is_set = [](const Value& v) { return !v.is(Kind::kMissing); };
  WrapStyle style;
  if (is_set(a[0])) style.width = need_index(a[0], "width");
  if (is_set(a[1])) style.break_long_words = a[1].truthy();
  if (is_set(a[3])) style.break_on_hyphens = a[3].truthy();
  const Value glue = given(a[2]) ? a[2] : Value("\n");
  std::string out;
  charge(static_cast<std::int64_t>(need_text(self, "what wordwrap is given").size() / 8));
  bool first = true;
  for (std::string_view line : split_lines(self.text(), false)) {
    if (!std::exchange(first, false)) out += need_text(glue, "wrapstring");
    out += wrap_line(line, style, need_text(glue, "wrapstring"));
    allow_text(out.size());
  }
  return like(glue, std::move(out));
}

Value filter_pprint(Runtime&, const Value& self, Args& args) {
  bind("pprint", args, {});
  return Value(pretty(self));
}

// Only what comes out the same each time.
Value filter_random(Runtime& runtime, const Value& self, Args& args) {
  bind("random", args, {});
  if (self.is(Kind::kUndefined) || length_of(self) == 0)
    return Value::undefined("No random item, sequence was empty.");
  if (length_of(self) != 1)
    fail(Errc::kUnsupported, "the filter 'random' is not supported: each rendering would differ");
  return get_item(runtime, self, Value(0));
}

struct Named {
  std::string_view name;
  Builtin filter;
};
constexpr Named kFilters[] = {{"e", filter_escape},
                              {"escape", filter_escape},
                              {"forceescape", filter_forceescape},
                              {"pprint", filter_pprint},
                              {"random", filter_random},
                              {"safe", filter_safe},
                              {"striptags", filter_striptags},
                              {"urlize", filter_urlize},
                              {"wordwrap", filter_wordwrap}};

}  // namespace

std::string escape_html(std::string_view text) {
  std::string out;
  for (char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '\'':
        out += "&#39;";
        break;
      case '"':
        out += "&#34;";
        break;
      default:
        out += c;
    }
  }
  allow_text(out.size());
  return out;
}

Value escape(const Value& value) {
  return value.is_markup() ? value : Value::markup(escape_html(str(value)));
}

Value like(const Value& model, std::string text) {
  return model.is_markup() ? Value::markup(std::move(text)) : Value(std::move(text));
}

Builtin find_markup_filter(std::string_view name) {
  for (const Named& named : kFilters)
    if (named.name == name) return named.filter;
  return nullptr;
}

}  // namespace hft::jinja
