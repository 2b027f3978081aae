// The filters on single values: text, numbers, JSON. Names and results are those of jinja2 3.1,
// with transformers' tojson.
#include <array>
#include <charconv>
#include <cmath>

#include "core/templates/big_integer.h"
#include "core/templates/parser.h"
#include "core/templates/print.h"
#include "core/templates/runtime.h"
#include "core/templates/python_text.h"

namespace hft::jinja {
namespace {

bool given(const Value& value) { return !value.is(Kind::kMissing); }
bool flag(const Value& value, bool fallback) { return given(value) ? value.truthy() : fallback; }
std::int64_t number(const Value& value, std::int64_t fallback, std::string_view what) {
  return given(value) ? need_integer(value, what) : fallback;
}

// jinja2's soft_str: a text stays what it is.
Value soft(const Value& value) { return value.is(Kind::kString) ? value : Value(str(value)); }

// A filter that maps the text of its value.
template <std::string (*F)(std::string_view)>
Value text_filter(Runtime&, const Value& self, Args& args) {
  bind("the filter", args, {});
  std::string text = str(self);
  charge(static_cast<std::int64_t>(text.size() / 16));
  return like(self, F(text));
}

// The same, of which nothing stays markup.
template <std::string (*F)(std::string_view)>
Value plain_filter(Runtime& runtime, const Value& self, Args& args) {
  return Value(text_filter<F>(runtime, self, args).text());
}

// Words begin after blanks, hyphens and opening brackets; jinja2's own title.
std::string titled(std::string_view text) {
  std::string out, word;
  auto flush = [&] {
    if (word.empty()) return;
    std::size_t first = 0;
    decode(word, first);
    out += upper(std::string_view(word).substr(0, first)) +
           lower(std::string_view(word).substr(first));
    word.clear();
  };
  for (std::size_t at = 0; at < text.size();) {
    std::size_t start = at;
    char32_t c = decode(text, at);
    bool separates = c == '-' || c == '(' || c == '{' || c == '[' || c == '<' || is_space(c);
    if (separates)
      flush(), append(out, c);
    else
      word += text.substr(start, at - start);
  }
  flush();
  return out;
}

Value filter_string(Runtime&, const Value& self, Args& args) {
  bind("string", args, {});
  return self.is(Kind::kString) ? self : Value(str(self));
}

Value filter_trim(Runtime&, const Value& self, Args& args) {
  auto a = bind("trim", args, {"chars"});
  std::string text = str(self);
  charge_bytes(text.size());
  bool blank = !given(a[0]) || a[0].is(Kind::kNone);
  return like(self,
              std::string(strip(text, blank ? nullptr : &need_text(a[0], "chars"), true, true)));
}

Value filter_default(Runtime&, const Value& self, Args& args) {
  auto a = bind("default", args, {"default_value", "boolean"});
  bool missing = self.is(Kind::kUndefined) || (flag(a[1], false) && !self.truthy());
  if (!missing) return self;
  return given(a[0]) ? a[0] : Value("");
}

Value filter_replace(Runtime& runtime, const Value& self, Args& args) {
  auto a = bind("replace", args, {"old", "new", "count"}, 2);
  Value text(str(self)), from(str(a[0])), to(str(a[1]));
  if (runtime.autoescape) {
    const bool markup = a[0].is_markup() || (a[1].is_markup() && !self.is_markup());
    text = markup ? escape(self) : soft(self);
    if (a[1].is_markup()) to = a[1];
  }
  std::vector<Value> call{std::move(from), std::move(to)};
  if (given(a[2]) && !a[2].is(Kind::kNone)) call.push_back(a[2]);
  return call_text_method(runtime, text, "replace", std::move(call));
}

Value filter_indent(Runtime&, const Value& self, Args& args) {
  auto a = bind("indent", args, {"width", "first", "blank"});
  std::string indention;
  if (given(a[0]) && a[0].is(Kind::kString)) {
    indention = a[0].text();
  } else {
    std::int64_t width = std::max<std::int64_t>(0, number(a[0], 4, "width"));
    allow_text(static_cast<std::uint64_t>(width));
    indention.assign(static_cast<std::size_t>(width), ' ');
  }
  std::string text = need_text(self, "what indent is given") + "\n";
  std::string out = flag(a[1], false) ? indention : "";
  auto lines = split_lines(text, false);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) out += '\n';
    if (i > 0 && (flag(a[2], false) || !lines[i].empty())) out += indention;
    out += lines[i];
    if (out.size() > 4096) allow_text(out.size() - (out.size() / 2)), charge(1);
    if (out.size() > static_cast<std::size_t>(limits::kTemplateTextBytes)) allow_text(out.size());
  }
  return like(self, std::move(out));
}

Value filter_tojson(Runtime&, const Value& self, Args& args) {
  auto a = bind("tojson", args, {"ensure_ascii", "indent", "separators", "sort_keys"});
  JsonStyle style;
  style.ensure_ascii = flag(a[0], false);
  style.sort_keys = flag(a[3], false);
  if (given(a[1]) && !a[1].is(Kind::kNone)) {
    style.pretty = true;
    style.item_separator = ",";
    if (a[1].is(Kind::kString)) {
      style.indent = a[1].text();
    } else {
      std::int64_t width = std::max<std::int64_t>(0, need_integer(a[1], "indent"));
      allow_text(static_cast<std::uint64_t>(width));
      style.indent.assign(static_cast<std::size_t>(width), ' ');
    }
  }
  if (given(a[2]) && !a[2].is(Kind::kNone)) {
    if (!a[2].is_sequence() || a[2].items().size() != 2)
      fail(Errc::kBadData, "separators of tojson must be two strings");
    style.item_separator = need_text(a[2].items()[0], "a separator");
    style.key_separator = need_text(a[2].items()[1], "a separator");
  }
  return Value(to_json(self, style));
}

// A whole text as a number: Python's float(), blanks around and '_' between digits allowed.
std::optional<double> parse_real(std::string_view text) {
  text = strip(text, nullptr, true, true);
  std::string clean;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    bool between = i > 0 && i + 1 < text.size() &&
                   std::isdigit(static_cast<unsigned char>(text[i - 1])) &&
                   std::isdigit(static_cast<unsigned char>(text[i + 1]));
    if (c == '_' && !between) return {};
    if (c != '_') clean += c;
  }
  std::string_view rest = clean;
  bool minus = rest.starts_with('-');
  if (minus || rest.starts_with('+')) rest.remove_prefix(1);
  if (rest.empty() || rest.starts_with('-') || rest.starts_with('+')) return {};
  std::string word = lower(rest);
  if (word == "inf" || word == "infinity") return minus ? -INFINITY : INFINITY;
  if (word == "nan") return NAN;
  if (word.find_first_not_of("0123456789.e+-") != std::string::npos) return {};
  double value = 0;
  auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
  if (end != rest.data() + rest.size()) return {};
  if (error == std::errc::result_out_of_range) value = std::strtod(word.c_str(), nullptr);
  return minus ? -value : value;
}

// Python's int(text, base); nothing when it is none.
std::optional<Value> parse_integer(std::string_view text, std::int64_t base) {
  text = strip(text, nullptr, true, true);
  bool minus = text.starts_with('-');
  if (minus || text.starts_with('+')) text.remove_prefix(1);
  bool zeros = text.find_first_not_of("0_") == std::string_view::npos;
  if (text.size() > 1 && text[0] == '0') {
    char mark = text[1] | 0x20;
    int wanted = mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 0;
    if (wanted && (base == wanted || base == 0)) {
      base = wanted, text.remove_prefix(2);
      if (text.starts_with('_')) text.remove_prefix(1);
    } else if (base == 0 && !zeros) {
      return {};
    }
  }
  if (base == 0) base = 10;
  if (base < 2 || base > 36) return {};
  std::string clean;
  char before = '_';
  for (char c : text) {
    if (c == '_' && before == '_') return {};
    if (c != '_') clean += c;
    before = c;
  }
  if (before == '_') return {};
  auto parsed = BigInteger::parse(clean, static_cast<int>(base));
  if (!parsed) return {};
  return (minus ? -*parsed : *parsed).value();
}

std::optional<Value> truncated(double value) {
  if (!std::isfinite(value)) return {};
  return BigInteger::of(std::trunc(value)).value();
}

Value filter_int(Runtime&, const Value& self, Args& args) {
  auto a = bind("int", args, {"default", "base"});
  need_defined(self);
  std::optional<Value> value;
  if (self.is_integral()) value = positive(self);
  if (self.is(Kind::kFloat)) {
    value = truncated(self.real());
    if (std::isinf(self.real())) fail(Errc::kBadData, "cannot convert float infinity to integer");
  }
  if (self.is(Kind::kString)) {
    charge(static_cast<std::int64_t>(self.text().size() / 16));
    value = parse_integer(self.text(), number(a[1], 10, "base"));
    if (!value)
      if (auto real = parse_real(self.text())) value = truncated(*real);
  }
  if (value) return *value;
  return given(a[0]) ? a[0] : Value(0);
}

Value filter_float(Runtime&, const Value& self, Args& args) {
  auto a = bind("float", args, {"default"});
  need_defined(self);
  if (self.is_number()) return self.real();
  if (self.is(Kind::kString))
    if (auto real = parse_real(self.text())) return *real;
  return given(a[0]) ? a[0] : Value(0.0);
}

Value filter_abs(Runtime&, const Value& self, Args& args) {
  bind("abs", args, {});
  need_defined(self);
  if (self.is(Kind::kFloat)) return std::abs(self.real());
  if (!self.is_integral())
    fail(Errc::kBadData, "bad operand type for abs(): '", self.type_name(), "'");
  return compare_numbers(self, 0) < 0 ? negate(self) : positive(self);
}

// Python's round: to even, decided by the shortest decimal that is exact.
double round_real(double value, std::int64_t digits) {
  if (!std::isfinite(value) || digits > 22) return value;
  if (digits < -308) return std::copysign(0.0, value);
  if (digits < 0) {
    double scale = std::pow(10.0, static_cast<double>(-digits));
    return std::nearbyint(value / scale) * scale;
  }
  std::array<char, 400> buffer;
  auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                           std::chars_format::fixed, static_cast<int>(digits));
  double out = value;
  std::from_chars(buffer.data(), end.ptr, out);
  return out;
}

// To a multiple of 10 ** -digits, halves to the even one.
Value round_integer(const Value& value, std::int64_t digits) {
  if (digits >= 0) return positive(value);
  const BigInteger exact = BigInteger::of(value);
  if (static_cast<double>(-digits) > static_cast<double>(exact.bits()) / 3 + 2) return 0;
  const BigInteger scale =
      power(BigInteger::of(std::int64_t{10}), static_cast<std::uint64_t>(-digits));
  auto [quotient, rest] = divide(exact, scale);
  const auto half = rest + rest <=> scale;
  const bool odd = !quotient.zero() && (quotient.limbs[0] & 1);
  if (half > 0 || (half == 0 && odd)) quotient = quotient + BigInteger::of(std::int64_t{1});
  return (quotient * scale).value();
}

Value filter_round(Runtime&, const Value& self, Args& args) {
  auto a = bind("round", args, {"precision", "method"});
  need_defined(self);
  if (!self.is_number()) fail(Errc::kBadData, "type ", self.type_name(), " cannot be rounded");
  std::int64_t digits = number(a[0], 0, "precision");
  std::string method = given(a[1]) ? need_text(a[1], "method") : "common";
  if (method != "common" && method != "ceil" && method != "floor")
    fail(Errc::kBadData, "method must be common, ceil or floor");
  if (method == "common" && self.is_integral()) return round_integer(self, digits);
  if (method == "common") return round_real(self.real(), digits);
  Value scale = math(Math::kPow, Value(10), Value(digits));
  Value scaled = math(Math::kMul, self, scale);
  auto whole = scaled.is_integral() ? std::optional(scaled)
               : method == "ceil"   ? truncated(std::ceil(scaled.real()))
                                    : truncated(std::floor(scaled.real()));
  if (!whole) fail(Errc::kBadData, "cannot convert float to integer");
  return math(Math::kDiv, *whole, scale);
}

Value filter_format(Runtime&, const Value& self, Args& args) {
  if (!args.named.empty() && !args.positional.empty())
    fail(Errc::kBadData, "can't handle positional and keyword arguments at the same time");
  if (args.named.empty()) return math(Math::kMod, soft(self), Value::tuple(args.positional));
  auto dict = std::make_shared<Dict>();
  for (auto& [name, value] : args.named) dict->set(Value(name), value);
  return math(Math::kMod, soft(self), make_dict(std::move(dict)));
}

Value filter_center(Runtime& runtime, const Value& self, Args& args) {
  auto a = bind("center", args, {"width"});
  return call_text_method(runtime, soft(self), "center", {given(a[0]) ? a[0] : Value(80)});
}

Value filter_truncate(Runtime&, const Value& self, Args& args) {
  auto a = bind("truncate", args, {"length", "killwords", "end", "leeway"});
  std::int64_t length = number(a[0], 255, "length");
  const Value mark = given(a[2]) ? a[2] : Value("...");
  const std::string& end = need_text(mark, "end");
  std::int64_t leeway = given(a[3]) && !a[3].is(Kind::kNone) ? need_integer(a[3], "leeway") : 5;
  std::int64_t end_length = count_points(end);
  if (length < end_length)
    fail(Errc::kBadData, "expected length >= ", end_length, ", got ", length);
  if (leeway < 0) fail(Errc::kBadData, "expected leeway >= 0, got ", leeway);
  const auto size = length_of(self);
  if (!size) fail(Errc::kBadData, "object of type '", self.type_name(), "' has no len()");
  if (*size <= length || *size - length <= leeway) return self;
  const std::string& text = need_text(self, "what truncate cuts");
  std::string cut = text.substr(0, byte_of(text, length - end_length));
  if (!flag(a[1], false))
    if (auto blank = cut.rfind(' '); blank != std::string::npos) cut.resize(blank);
  return math(Math::kAdd, like(self, std::move(cut)), mark);
}

Value filter_wordcount(Runtime&, const Value& self, Args& args) {
  bind("wordcount", args, {});
  std::string text = str(self);
  std::int64_t words = 0;
  bool inside = false;
  for (std::size_t at = 0; at < text.size();) {
    char32_t c = decode(text, at);
    bool word = c == '_' || is_alpha(c) || is_numeric(c);
    words += word && !inside;
    inside = word;
  }
  return words;
}

std::string quoted_url(std::string_view text, bool query) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    bool plain =
        std::isalnum(byte) || c == '_' || c == '.' || c == '-' || c == '~' || (c == '/' && !query);
    if (plain)
      out += c;
    else if (c == ' ' && query)
      out += '+';
    else
      out += '%', out += kHex[byte >> 4], out += kHex[byte & 15];
  }
  allow_text(out.size());
  return out;
}

Value filter_urlencode(Runtime& runtime, const Value& self, Args& args) {
  bind("urlencode", args, {});
  if (self.is(Kind::kString) || !is_iterable(self)) return Value(quoted_url(str(self), false));
  std::string out;
  auto pairs = self.is(Kind::kDict)
                   ? to_vector(runtime, find_method(self, "items")(runtime, self, args))
                   : to_vector(runtime, self);
  for (const Value& pair : pairs) {
    auto parts = to_vector(runtime, pair);
    if (parts.size() != 2) fail(Errc::kBadData, "urlencode wants pairs");
    if (!out.empty()) out += '&';
    out += quoted_url(str(parts[0]), true) + '=' + quoted_url(str(parts[1]), true);
    allow_text(out.size());
  }
  return Value(std::move(out));
}

// The entries of a dict as attributes of XML.
Value filter_xmlattr(Runtime& runtime, const Value& self, Args& args) {
  auto a = bind("xmlattr", args, {"autospace"});
  need_defined(self);
  if (!self.is(Kind::kDict)) fail(Errc::kBadData, "xmlattr wants a dict, not ", self.type_name());
  std::string out;
  for (const auto& entry : self.as<Dict>().entries()) {
    if (entry.value.is(Kind::kNone) || entry.value.is(Kind::kUndefined)) continue;
    const std::string& key = need_text(entry.key, "the name of an attribute");
    if (key.find_first_of(" \t\n\r\f\v/>=") != std::string::npos)
      fail(Errc::kBadData, "Invalid character in attribute name: ", repr(entry.key));
    if (!out.empty() || flag(a[0], true)) out += ' ';
    out += escape(entry.key).text() + "=\"" + escape(entry.value).text() + '"';
    allow_text(out.size());
  }
  return runtime.autoescape ? Value::markup(std::move(out)) : Value(std::move(out));
}

Value filter_filesizeformat(Runtime& runtime, const Value& self, Args& args) {
  auto a = bind("filesizeformat", args, {"binary"});
  bool binary = flag(a[0], false);
  Args none;
  none.positional = {Value()};
  Value number = filter_float(runtime, self, none);
  if (number.is(Kind::kNone)) fail(Errc::kBadData, "filesizeformat wants a number");
  double bytes = number.real(), base = binary ? 1024 : 1000;
  if (bytes == 1) return Value("1 Byte");
  if (bytes < base) return Value(decimal(truncated(bytes).value_or(0)) + " Bytes");
  constexpr std::string_view kBinary[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"};
  constexpr std::string_view kDecimal[] = {"kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"};
  double unit = base;
  for (int i = 0;; ++i) {
    unit *= base;
    if (bytes < unit || i == 7)
      return Value(format_value(base * bytes / unit, ".1f") + " " +
                   std::string((binary ? kBinary : kDecimal)[i]));
  }
}

Value filter_attr(Runtime& runtime, const Value& self, Args& args) {
  auto a = bind("attr", args, {"name"}, 1);
  const std::string& name = need_text(a[0], "name");
  if (!name.starts_with("__") && !find_attribute(runtime, self, name))
    return Value::undefined("'" + std::string(self.type_name()) + " object' has no attribute '" +
                            name + "'");
  return get_attribute(runtime, self, name);
}

struct Named {
  std::string_view name;
  Builtin filter;
};
constexpr Named kFilters[] = {{"abs", filter_abs},
                              {"attr", filter_attr},
                              {"capitalize", text_filter<capitalize>},
                              {"center", filter_center},
                              {"d", filter_default},
                              {"default", filter_default},
                              {"filesizeformat", filter_filesizeformat},
                              {"float", filter_float},
                              {"format", filter_format},
                              {"indent", filter_indent},
                              {"int", filter_int},
                              {"lower", text_filter<lower>},
                              {"replace", filter_replace},
                              {"round", filter_round},
                              {"string", filter_string},
                              {"title", plain_filter<titled>},
                              {"tojson", filter_tojson},
                              {"trim", filter_trim},
                              {"truncate", filter_truncate},
                              {"upper", text_filter<upper>},
                              {"urlencode", filter_urlencode},
                              {"wordcount", filter_wordcount},
                              {"xmlattr", filter_xmlattr}};

}  // namespace

Builtin find_filter(std::string_view name) {
  for (const Named& named : kFilters)
    if (named.name == name) return named.filter;
  if (Builtin filter = find_sequence_filter(name)) return filter;
  return find_markup_filter(name);
}

bool known_filter(std::string_view name) { return find_filter(name) != nullptr; }
bool known_test(std::string_view name) { return find_test(name) != nullptr; }

}  // namespace hft::jinja
