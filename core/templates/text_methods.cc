// The methods of str.
#include <algorithm>

#include "core/templates/print.h"
#include "core/templates/runtime.h"
#include "core/templates/python_text.h"

namespace hft::jinja {
namespace {

bool given(const Value& value) { return !value.is(Kind::kMissing) && !value.is(Kind::kNone); }

template <std::string (*F)(std::string_view)>
Value change(Runtime&, const Value& self, Args& args) {
  bind("the method", args, {});
  charge(static_cast<std::int64_t>(self.text().size() / 16));
  return Value(F(self.text()));
}

// Every character of that class, and at least one when `some`.
template <bool (*F)(char32_t), bool kSome = true>
Value every(Runtime&, const Value& self, Args& args) {
  bind("the method", args, {});
  const std::string& text = self.text();
  charge(static_cast<std::int64_t>(text.size() / 16));
  for (std::size_t at = 0; at < text.size();)
    if (!F(decode(text, at))) return false;
  return !kSome || !text.empty();
}
bool is_alnum(char32_t c) { return is_alpha(c) || is_numeric(c) || is_digit(c); }
bool is_ascii(char32_t c) { return c < 0x80; }

template <bool kUpper>
Value cased(Runtime& runtime, const Value& self, Args& args) {
  return find_test(kUpper ? "upper" : "lower")(runtime, self, args);
}

Value method_istitle(Runtime&, const Value& self, Args& args) {
  bind("istitle", args, {});
  bool before = false, any = false;
  for (char32_t c : points(self.text())) {
    if (is_upper(c) && before) return false;
    if (is_lower(c) && !before) return false;
    before = is_cased(c);
    any = any || before;
  }
  return any;
}

Value method_isidentifier(Runtime&, const Value& self, Args& args) {
  bind("isidentifier", args, {});
  auto all = points(self.text());
  if (all.empty() || (!is_alpha(all[0]) && all[0] != '_')) return false;
  return std::all_of(all.begin(), all.end(), is_word);
}

template <bool kLeft, bool kRight>
Value method_strip(Runtime&, const Value& self, Args& args) {
  auto a = bind("strip", args, {"chars"});
  const std::string* chars = given(a[0]) ? &need_text(a[0], "the argument of strip") : nullptr;
  charge(static_cast<std::int64_t>(self.text().size() / 64 * (chars ? 1 + chars->size() / 8 : 1)));
  return Value(strip(self.text(), chars, kLeft, kRight));
}

std::int64_t count_given(const Value& value, std::string_view what) {
  return value.is(Kind::kMissing) ? -1 : need_integer(value, what);
}

Value make_list(std::vector<std::string_view> parts) {
  charge(static_cast<std::int64_t>(parts.size()));
  std::vector<Value> out;
  for (auto part : parts) out.emplace_back(part);
  return Value::list(std::move(out));
}

// Words between blanks; the last one, after `most` splits, keeps the blanks at its far end.
std::vector<std::string_view> split_blank(std::string_view text, std::int64_t most) {
  std::vector<std::string_view> parts;
  text = strip(text, nullptr, true, false);
  while (!text.empty() && (most < 0 || static_cast<std::int64_t>(parts.size()) < most)) {
    std::size_t end = 0;
    for (std::size_t at = 0; at < text.size() && !is_space(decode(text, at));) end = at;
    parts.push_back(text.substr(0, end));
    text = strip(text.substr(end), nullptr, true, false);
  }
  if (!text.empty()) parts.push_back(text);
  return parts;
}

std::vector<std::string_view> split_blank_right(std::string_view text, std::int64_t most) {
  std::vector<std::string_view> parts;
  text = strip(text, nullptr, false, true);
  while (!text.empty() && (most < 0 || static_cast<std::int64_t>(parts.size()) < most)) {
    std::size_t start = text.size();
    while (start > 0) {
      std::size_t lead = start - 1;
      while (lead > 0 && (static_cast<unsigned char>(text[lead]) & 0xc0) == 0x80) --lead;
      std::size_t at = lead;
      if (is_space(decode(text, at))) break;
      start = lead;
    }
    parts.push_back(text.substr(start));
    text = strip(text.substr(0, start), nullptr, false, true);
  }
  if (!text.empty()) parts.push_back(text);
  std::reverse(parts.begin(), parts.end());
  return parts;
}

template <bool kRight>
Value method_split(Runtime&, const Value& self, Args& args) {
  auto a = bind("split", args, {"sep", "maxsplit"});
  std::int64_t most = count_given(a[1], "maxsplit");
  std::string_view text = self.text();
  charge(static_cast<std::int64_t>(text.size() / 16));
  if (!given(a[0])) return make_list((kRight ? split_blank_right : split_blank)(text, most));
  const std::string& by = need_text(a[0], "the separator of split");
  if (by.empty()) fail(Errc::kBadData, "empty separator");
  std::vector<std::string_view> parts;
  while (most < 0 || static_cast<std::int64_t>(parts.size()) < most) {
    std::size_t at = kRight ? text.rfind(by) : text.find(by);
    if (at == std::string_view::npos) break;
    charge(1);
    parts.push_back(kRight ? text.substr(at + by.size()) : text.substr(0, at));
    text = kRight ? text.substr(0, at) : text.substr(at + by.size());
  }
  parts.push_back(text);
  if (kRight) std::reverse(parts.begin(), parts.end());
  return make_list(std::move(parts));
}

Value method_splitlines(Runtime&, const Value& self, Args& args) {
  auto a = bind("splitlines", args, {"keepends"});
  charge(static_cast<std::int64_t>(self.text().size() / 16));
  return make_list(split_lines(self.text(), given(a[0]) && a[0].truthy()));
}

// The part of the text between two code point indices, as slices count; absent when they cross.
std::optional<std::string_view> window(const Value& self, const Value& start, const Value& end,
                                       std::int64_t* first = nullptr) {
  std::int64_t size = self.text_length();
  auto bound = [&](const Value& given_value, std::int64_t fallback) {
    if (!given(given_value)) return fallback;
    std::int64_t at = need_index(given_value, "an index");
    return at < 0 ? std::max<std::int64_t>(0, at + size) : at;
  };
  std::int64_t from = bound(start, 0), to = std::min(bound(end, size), size);
  if (from > to) return {};
  if (first) *first = from;
  std::string_view text = self.text();
  charge_bytes(text.size());
  if (static_cast<std::size_t>(size) == text.size())  // ASCII: positions are bytes
    return text.substr(static_cast<std::size_t>(from), static_cast<std::size_t>(to - from));
  charge(static_cast<std::int64_t>(text.size() / 8));
  std::size_t begin = byte_of(text, from);
  return text.substr(begin, byte_of(text.substr(begin), to - from));
}

template <bool kEnd>
Value method_affix(Runtime&, const Value& self, Args& args) {
  auto a = bind(kEnd ? "endswith" : "startswith", args, {"prefix", "start", "end"}, 1);
  auto part = window(self, a[1], a[2]);
  auto matches = [&](const Value& affix) {
    const std::string& wanted = need_text(affix, "what the text starts or ends with");
    return part && (kEnd ? part->ends_with(wanted) : part->starts_with(wanted));
  };
  if (!a[0].is(Kind::kTuple)) return matches(a[0]);
  for (const Value& affix : a[0].items()) {
    charge(1);
    if (matches(affix)) return true;
  }
  return false;
}

template <bool kRight, bool kFails>
Value method_find(Runtime&, const Value& self, Args& args) {
  auto a = bind("find", args, {"sub", "start", "end"}, 1);
  const std::string& wanted = need_text(a[0], "what is looked for");
  std::int64_t first = 0;
  auto part = window(self, a[1], a[2], &first);
  charge_bytes(self.text().size() + wanted.size());
  std::size_t at = !part    ? std::string_view::npos
                   : kRight ? part->rfind(wanted)
                            : part->find(wanted);
  if (at == std::string_view::npos) {
    if (kFails) fail(Errc::kBadData, "substring not found");
    return -1;
  }
  return first + count_points(part->substr(0, at));
}

Value method_count(Runtime&, const Value& self, Args& args) {
  auto a = bind("count", args, {"sub", "start", "end"}, 1);
  const std::string& wanted = need_text(a[0], "what is counted");
  auto part = window(self, a[1], a[2]);
  if (!part) return 0;
  if (wanted.empty()) return count_points(*part) + 1;
  std::int64_t count = 0;
  for (std::size_t at = part->find(wanted); at != std::string_view::npos;
       at = part->find(wanted, at + wanted.size()))
    ++count, charge(1);
  return count;
}

Value method_replace(Runtime&, const Value& self, Args& args) {
  auto a = bind("replace", args, {"old", "new", "count"}, 2);
  const std::string& from = need_text(a[0], "what is replaced");
  const std::string& to = need_text(a[1], "the replacement");
  std::int64_t left = a[2].is(Kind::kMissing) ? -1 : need_integer(a[2], "count");
  std::string_view text = self.text();
  charge_bytes(text.size());
  std::string out;
  std::size_t at = 0;
  while (left != 0 && at <= text.size()) {
    std::size_t found = from.empty() ? at : text.find(from, at);
    if (found == std::string_view::npos) break;
    out += text.substr(at, found - at);
    out += to;
    charge(1);
    charge_bytes(to.size());
    if (out.size() > static_cast<std::size_t>(limits::kTemplateTextBytes)) allow_text(out.size());
    --left;
    at = found + from.size();
    if (!from.empty()) continue;
    if (at == text.size()) return Value(std::move(out));
    std::size_t next = at;
    decode(text, next);
    out += text.substr(at, next - at);
    at = next;
  }
  if (at < text.size()) out += text.substr(at);
  allow_text(out.size());
  return Value(std::move(out));
}

Value method_join(Runtime& runtime, const Value& self, Args& args) {
  auto a = bind("join", args, {"iterable"}, 1);
  std::string out;
  bool first = true;
  for (const Value& given : to_vector(runtime, a[0])) {
    const Value item = self.is_markup() ? escape(given) : given;
    if (!item.is(Kind::kString))
      fail(Errc::kBadData, "sequence item: expected str instance, ", item.type_name(), " found");
    if (!first) out += self.text();
    first = false;
    out += item.text();
    charge_bytes(self.text().size() + item.text().size());
    if (out.size() > static_cast<std::size_t>(limits::kTemplateTextBytes)) allow_text(out.size());
  }
  return Value(std::move(out));
}

enum class Align { kLeft, kRight, kCenter };
template <Align kAlign>
Value method_justify(Runtime&, const Value& self, Args& args) {
  auto a = bind("the method", args, {"width", "fillchar"}, 1);
  std::int64_t missing = need_integer(a[0], "width");
  missing = missing > self.text_length() ? missing - self.text_length() : 0;
  std::string fill = a[1].is(Kind::kMissing) ? " " : need_text(a[1], "fillchar");
  if (count_points(fill) != 1)
    fail(Errc::kBadData, "The fill character must be exactly one character long");
  if (missing == 0) return self;
  std::int64_t width = missing + self.text_length();
  std::int64_t left = kAlign == Align::kLeft    ? 0
                      : kAlign == Align::kRight ? missing
                                                : missing / 2 + (missing & width & 1);
  std::uint64_t bytes = 0;
  if (__builtin_mul_overflow(static_cast<std::uint64_t>(missing), fill.size(), &bytes) ||
      bytes > (1u << 30))
    bytes = 1u << 30;
  allow_text(bytes + self.text().size());
  std::string out;
  for (std::int64_t i = 0; i < left; ++i) out += fill;
  out += self.text();
  for (std::int64_t i = left; i < missing; ++i) out += fill;
  return Value(std::move(out));
}

Value method_zfill(Runtime&, const Value& self, Args& args) {
  std::int64_t width = need_integer(bind("zfill", args, {"width"}, 1)[0], "width");
  std::string out = self.text();
  if (width <= self.text_length()) return self;
  std::int64_t missing = width - self.text_length();
  allow_text(static_cast<std::uint64_t>(missing) + out.size());
  bool sign = out.starts_with('-') || out.starts_with('+');
  return Value(out.insert(sign ? 1 : 0, static_cast<std::size_t>(missing), '0'));
}

template <bool kRight>
Value method_partition(Runtime&, const Value& self, Args& args) {
  Value by = bind("partition", args, {"sep"}, 1)[0];
  const std::string& wanted = need_text(by, "the separator");
  if (wanted.empty()) fail(Errc::kBadData, "empty separator");
  std::string_view text = self.text();
  charge_bytes(text.size());
  std::size_t at = kRight ? text.rfind(wanted) : text.find(wanted);
  if (at == std::string_view::npos)
    return kRight ? Value::tuple({Value(""), Value(""), self})
                  : Value::tuple({self, Value(""), Value("")});
  return Value::tuple({Value(text.substr(0, at)), by, Value(text.substr(at + wanted.size()))});
}

template <bool kEnd>
Value method_remove(Runtime&, const Value& self, Args& args) {
  Value affix = bind("the method", args, {"affix"}, 1)[0];
  const std::string& wanted = need_text(affix, "the affix");
  std::string_view text = self.text();
  charge_bytes(text.size());
  if (kEnd ? text.ends_with(wanted) : text.starts_with(wanted))
    kEnd ? text.remove_suffix(wanted.size()) : text.remove_prefix(wanted.size());
  return Value(text);
}

Value method_expandtabs(Runtime&, const Value& self, Args& args) {
  auto a = bind("expandtabs", args, {"tabsize"});
  std::int64_t size = a[0].is(Kind::kMissing) ? 8 : need_integer(a[0], "tabsize"), column = 0;
  std::string out;
  for (char c : self.text()) {
    if (c == '\t') {
      std::int64_t blanks = size > 0 ? size - column % size : 0;
      allow_text(out.size() + static_cast<std::uint64_t>(blanks));
      out.append(static_cast<std::size_t>(blanks), ' ');
      column += blanks;
      continue;
    }
    out += c;
    if ((static_cast<unsigned char>(c) & 0xc0) != 0x80) ++column;
    if (c == '\n' || c == '\r') column = 0;
  }
  allow_text(out.size());
  return Value(std::move(out));
}

Value method_format(Runtime& runtime, const Value& self, Args& args) {
  return Value(brace_format(runtime, self.text(), args, self.is_markup()));
}

Value method_format_map(Runtime& runtime, const Value& self, Args& args) {
  Value map = bind("format_map", args, {"mapping"}, 1)[0];
  if (!map.is(Kind::kDict))
    fail(Errc::kBadData, "format_map() wants a dict, not ", map.type_name());
  Args named;
  for (const auto& entry : map.as<Dict>().entries())
    named.named.emplace_back(str(entry.key), entry.value), charge(1);
  return Value(brace_format(runtime, self.text(), named, self.is_markup()));
}

// Every text that a method of a markup makes is a markup.
Value marked(const Value& made) {
  if (made.is(Kind::kString)) return Value::markup(made.text());
  if (!made.is_sequence()) return made;
  std::vector<Value> items;
  for (const Value& item : made.items()) items.push_back(marked(item));
  return made.is(Kind::kList) ? Value::list(std::move(items)) : Value::tuple(std::move(items));
}

// The method of a markup, which also escapes the argument at `kEscaped`.
template <Builtin kPlain, int kEscaped>
Value markup_method(Runtime& runtime, const Value& self, Args& args) {
  if (kEscaped >= 0 && static_cast<int>(args.positional.size()) > kEscaped)
    args.positional[kEscaped] = escape(args.positional[kEscaped]);
  return marked(kPlain(runtime, self, args));
}

struct Named {
  std::string_view name;
  Builtin plain, markup;
};
template <Builtin kPlain, int kEscaped = -1>
constexpr Named method(std::string_view name) {
  return {name, kPlain, markup_method<kPlain, kEscaped>};
}
constexpr Named kMethods[] = {method<method_strip<true, true>>("strip"),
                              method<method_strip<true, false>>("lstrip"),
                              method<method_strip<false, true>>("rstrip"),
                              method<method_split<false>>("split"),
                              method<method_split<true>>("rsplit"),
                              method<method_splitlines>("splitlines"),
                              method<method_affix<false>>("startswith"),
                              method<method_affix<true>>("endswith"),
                              method<method_replace, 1>("replace"),
                              method<change<upper>>("upper"),
                              method<change<lower>>("lower"),
                              method<change<title>>("title"),
                              method<change<capitalize>>("capitalize"),
                              method<change<casefold>>("casefold"),
                              method<change<swapcase>>("swapcase"),
                              method<method_find<false, false>>("find"),
                              method<method_find<true, false>>("rfind"),
                              method<method_find<false, true>>("index"),
                              method<method_find<true, true>>("rindex"),
                              method<method_count>("count"),
                              method<method_join>("join"),
                              method<method_justify<Align::kCenter>, 1>("center"),
                              method<method_justify<Align::kLeft>, 1>("ljust"),
                              method<method_justify<Align::kRight>, 1>("rjust"),
                              method<method_zfill>("zfill"),
                              method<method_partition<false>>("partition"),
                              method<method_partition<true>>("rpartition"),
                              method<method_remove<false>>("removeprefix"),
                              method<method_remove<true>>("removesuffix"),
                              method<method_expandtabs>("expandtabs"),
                              method<method_format>("format"),
                              method<method_format_map>("format_map"),
                              method<every<is_alpha>>("isalpha"),
                              method<every<is_alnum>>("isalnum"),
                              method<every<is_digit>>("isdigit"),
                              method<every<is_decimal>>("isdecimal"),
                              method<every<is_numeric>>("isnumeric"),
                              method<every<is_space>>("isspace"),
                              method<every<is_ascii, false>>("isascii"),
                              method<every<is_printable, false>>("isprintable"),
                              method<cased<false>>("islower"),
                              method<cased<true>>("isupper"),
                              method<method_istitle>("istitle"),
                              method<method_isidentifier>("isidentifier")};

}  // namespace

Builtin find_text_method(std::string_view name, bool markup) {
  for (const Named& named : kMethods)
    if (named.name == name) return markup ? named.markup : named.plain;
  return nullptr;
}

Value call_text_method(Runtime& runtime, const Value& text, std::string_view name,
                       std::vector<Value> positional) {
  Args args{.positional = std::move(positional), .named = {}};
  return find_text_method(name, text.is_markup())(runtime, text, args);
}

}  // namespace hft::jinja
