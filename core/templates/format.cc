// Python's formatting: the % operator, str.format and the format specification mini-language.
#include <cmath>

#include "core/templates/big_integer.h"
#include "core/templates/print.h"
#include "core/templates/runtime.h"
#include "core/templates/python_text.h"

namespace hft::jinja {
namespace {

constexpr int kPrecision = 400;  // digits after the point, at most

struct Spec {
  std::string fill = " ";
  char align = 0, sign = '-', grouping = 0, type = 0;
  bool alternate = false, zero = false;
  std::int64_t width = 0, precision = -1;
};

std::int64_t read_number(std::string_view text, std::size_t& at) {
  std::int64_t value = 0;
  while (at < text.size() && text[at] >= '0' && text[at] <= '9') {
    value = value * 10 + (text[at++] - '0');
    if (value > limits::kTemplateTextBytes) allow_text(static_cast<std::uint64_t>(value));
  }
  return value;
}

// Digits in groups of three.
std::string grouped(const std::string& digits, char separator, std::size_t each = 3) {
  std::size_t whole = digits.find_first_not_of("0123456789abcdefABCDEF");
  if (whole == std::string::npos) whole = digits.size();
  std::string out;
  for (std::size_t i = 0; i < whole; ++i) {
    if (i > 0 && (whole - i) % each == 0) out += separator;
    out += digits[i];
  }
  return out + digits.substr(whole);
}

std::string padded(std::string sign, std::string body, const Spec& spec, char align) {
  std::int64_t missing = spec.width - count_points(sign) - count_points(body);
  if (missing <= 0) return sign + body;
  allow_text(static_cast<std::uint64_t>(missing) * spec.fill.size() + body.size());
  std::string left, right;
  std::int64_t before = align == '<' ? 0 : align == '^' ? missing / 2 : missing;
  for (std::int64_t i = 0; i < missing; ++i) (i < before ? left : right) += spec.fill;
  return align == '=' ? sign + left + body : left + sign + body + right;
}

std::string sign_of(bool negative, char sign) {
  return negative ? "-" : sign == '+' ? "+" : sign == ' ' ? " " : "";
}

// |value| as 'e', 'f' or 'g' writes it.
std::string real_digits(double value, char type, std::int64_t precision, bool alternate) {
  char lower_type = static_cast<char>(type | 0x20);
  std::string out;
  if (std::isnan(value)) {
    out = "nan";
  } else if (std::isinf(value)) {
    out = "inf";
  } else {
    std::string pattern = std::string("%") + (alternate ? "#" : "") + ".*" + lower_type;
    char buffer[1024];
    int size =
        std::snprintf(buffer, sizeof buffer, pattern.c_str(), static_cast<int>(precision), value);
    out.assign(buffer, static_cast<std::size_t>(std::min<int>(size, sizeof buffer - 1)));
  }
  return type >= 'A' && type <= 'Z' ? upper(out) : out;
}

std::int64_t checked_precision(std::int64_t precision) {
  if (precision > kPrecision) fail(Errc::kBadData, "format precision ", precision, " is too large");
  return precision;
}

std::string format_real(double value, Spec spec) {
  bool negative = std::signbit(value) && !std::isnan(value);
  value = std::abs(value);
  std::int64_t precision = checked_precision(spec.precision < 0 ? 6 : spec.precision);
  std::string body;
  char type = spec.type;
  if (type == 0 && spec.precision < 0) {
    body = float_repr(value);
  } else if (type == 0) {  // as 'g', with at least one digit after the point
    body = real_digits(value, 'g', precision, spec.alternate);
    if (body.find_first_not_of("0123456789") == std::string::npos) {
      if (static_cast<std::int64_t>(body.size()) >= std::max<std::int64_t>(1, precision))
        body = real_digits(value, 'e', std::max<std::int64_t>(1, precision) - 1, spec.alternate);
      else
        body += ".0";
    }
  } else if (type == '%') {
    body = real_digits(value * 100, 'f', precision, spec.alternate) + "%";
  } else {
    if (type == 'n') type = 'g';
    body = real_digits(value, type, precision, spec.alternate);
  }
  if (spec.grouping && std::isfinite(value)) body = grouped(body, spec.grouping);
  char align = spec.align ? spec.align : '>';
  if (spec.zero && !spec.align) spec.fill = "0", align = '=';
  return padded(sign_of(negative, spec.sign), std::move(body), spec, align);
}

// value: an integer of any length.
std::string format_integer(const Value& value, Spec spec) {
  if (spec.precision >= 0)
    fail(Errc::kBadData, "Precision not allowed in integer format specifier");
  std::string body;
  char type = spec.type;
  if (type == 'c') {
    const std::int64_t c = need_index(value, "%c");
    if (c < 0 || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
      fail(Errc::kBadData, "%c arg not in range(0x110000)");
    append(body, static_cast<char32_t>(c));
    return padded("", std::move(body), spec, spec.align ? spec.align : '<');
  }
  const BigInteger magnitude = BigInteger::of(value);
  std::string sign = sign_of(magnitude.negative, spec.sign);
  int base = type == 'x' || type == 'X' ? 16 : type == 'o' ? 8 : type == 'b' ? 2 : 10;
  body = magnitude.digits(base);
  if (type == 'X') body = upper(body);
  if (spec.grouping) body = grouped(body, spec.grouping, base == 10 ? 3 : 4);
  if (spec.alternate && base != 10) sign += std::string("0") + type;
  char align = spec.align ? spec.align : '>';
  if (spec.zero && !spec.align) spec.fill = "0", align = '=';
  return padded(std::move(sign), std::move(body), spec, align);
}

Spec parse_spec(std::string_view text) {
  Spec spec;
  std::size_t at = 0;
  auto is_align = [](char c) { return c == '<' || c == '>' || c == '=' || c == '^'; };
  if (!text.empty()) {
    std::size_t first = 0;
    decode(text, first);
    if (first < text.size() && is_align(text[first])) {
      spec.fill = text.substr(0, first);
      spec.align = text[first];
      at = first + 1;
    } else if (is_align(text[0])) {
      spec.align = text[at++];
    }
  }
  auto peek = [&](char c) { return at < text.size() && text[at] == c; };
  if (peek('+') || peek('-') || peek(' ')) spec.sign = text[at++];
  if (peek('#')) spec.alternate = true, ++at;
  if (peek('0')) spec.zero = true, ++at;
  spec.width = read_number(text, at);
  if (peek(',') || peek('_')) spec.grouping = text[at++];
  if (peek('.')) {
    std::size_t start = ++at;
    spec.precision = read_number(text, at);
    if (at == start) fail(Errc::kBadData, "Format specifier missing precision");
  }
  if (at < text.size()) spec.type = text[at++];
  if (at < text.size()) fail(Errc::kBadData, "Invalid format specifier");
  return spec;
}

// ---- %

class Percent {
 public:
  Percent(const std::string& format, const Value& values, bool escaped)
      : format_(format), values_(values), escaped_(escaped) {
    tuple_ = values.is(Kind::kTuple);
  }

  std::string run() {
    std::string out;
    for (std::size_t at = 0; at < format_.size();) {
      std::size_t percent = format_.find('%', at);
      out += format_.substr(at, percent - at);
      if (percent == std::string::npos) break;
      at = percent + 1;
      out += conversion(at);
      allow_text(out.size());
      charge(2);
    }
    bool mapping = values_.is(Kind::kDict) || values_.is(Kind::kRange) || values_.is(Kind::kList) ||
                   values_.is(Kind::kNamespace) || values_.is(Kind::kUndefined);
    std::size_t have = tuple_ ? values_.items().size() : 1;
    if (used_ < have && !(mapping && !tuple_))
      fail(Errc::kBadData, "not all arguments converted during string formatting");
    return out;
  }

 private:
  Value next() {
    std::size_t have = tuple_ ? values_.items().size() : 1;
    if (used_ >= have) fail(Errc::kBadData, "not enough arguments for format string");
    return tuple_ ? values_.items()[used_++] : (++used_, values_);
  }

  std::int64_t star_or_number(std::size_t& at) {
    if (at >= format_.size() || format_[at] != '*') return read_number(format_, at);
    ++at;
    std::int64_t value = need_integer(next(), "* of a format");
    allow_text(static_cast<std::uint64_t>(std::abs(static_cast<double>(value))));
    return value;
  }

  std::string conversion(std::size_t& at) {
    std::optional<Value> named;
    if (at < format_.size() && format_[at] == '(') {
      std::size_t end = format_.find(')', at);
      if (end == std::string::npos) fail(Errc::kBadData, "incomplete format key");
      if (!values_.is(Kind::kDict)) fail(Errc::kBadData, "format requires a mapping");
      std::string key = format_.substr(at + 1, end - at - 1);
      const Value* found = values_.as<Dict>().find(std::string_view(key));
      if (!found) fail(Errc::kBadData, "no key '", key.substr(0, 100), "' for the format");
      named = *found;
      at = end + 1;
    }
    Spec spec;
    bool left = false;
    for (; at < format_.size(); ++at) {
      char c = format_[at];
      if (c == '-')
        left = true;
      else if (c == '+')
        spec.sign = '+';
      else if (c == ' ')
        spec.sign = spec.sign == '+' ? '+' : ' ';
      else if (c == '#')
        spec.alternate = true;
      else if (c == '0')
        spec.zero = true;
      else
        break;
    }
    spec.width = star_or_number(at);
    if (spec.width < 0) left = true, spec.width = -spec.width;
    if (at < format_.size() && format_[at] == '.')
      spec.precision = std::max<std::int64_t>(0, star_or_number(++at));
    while (at < format_.size() && (format_[at] == 'l' || format_[at] == 'h' || format_[at] == 'L'))
      ++at;
    if (at >= format_.size()) fail(Errc::kBadData, "incomplete format");
    spec.type = format_[at++];
    if (spec.type == '%') return "%";
    if (left) spec.align = '<', spec.zero = false;
    return write(named ? *named : next(), spec);
  }

  std::string write(const Value& value, Spec spec) {
    switch (spec.type) {
      case 's':
      case 'r':
      case 'a': {
        std::string text = spec.type == 's' ? text_of(value) : shown(repr(value));
        if (spec.precision >= 0) text.resize(byte_of(text, spec.precision));
        return padded("", std::move(text), spec, spec.align ? spec.align : '>');
      }
      case 'c':
        if (value.is(Kind::kString) && value.text_length() == 1)
          return padded("", value.text(), spec, spec.align ? spec.align : '>');
        spec.align = spec.align ? spec.align : '>';
        need_integer(value, "%c");
        return format_integer(value, spec);
      case 'd':
      case 'i':
      case 'u':
      case 'x':
      case 'X':
      case 'o': {
        need_defined(value);
        if (escaped_ && std::string_view("xXo").find(spec.type) != std::string_view::npos)
          fail(Errc::kBadData, "%", spec.type, " format: an integer is required, not a markup's");
        bool whole = spec.type == 'd' || spec.type == 'i' || spec.type == 'u';
        Value number = value;
        if (value.is(Kind::kFloat) && whole) {
          if (!std::isfinite(value.real()))
            fail(Errc::kBadData, "cannot convert ", str(value), " to integer");
          number = BigInteger::of(std::trunc(value.real())).value();
        } else if (!value.is_integral()) {
          fail(Errc::kBadData, "%", spec.type, " format: a real number is required, not ",
               value.type_name());
        }
        std::int64_t digits = checked_precision(std::exchange(spec.precision, -1));
        return with_digits(number, spec, digits);
      }
      case 'e':
      case 'E':
      case 'f':
      case 'F':
      case 'g':
      case 'G':
        need_defined(value);
        if (!value.is_number())
          fail(Errc::kBadData, "must be real number, not ", value.type_name());
        return format_real(value.real(), spec);
      default:
        fail(Errc::kBadData, "unsupported format character of code ",
             static_cast<int>(static_cast<unsigned char>(spec.type)));
    }
  }

  // An integer with at least that many digits.
  static std::string with_digits(const Value& number, Spec spec, std::int64_t digits) {
    if (digits < 0) return format_integer(number, spec);
    Spec bare = spec;
    bare.width = 0, bare.zero = false;
    std::string text = format_integer(number, bare);
    std::size_t lead = text.find_first_of("0123456789abcdefABCDEF");
    if (spec.alternate && spec.type != 'd') lead += 2;
    std::int64_t have = static_cast<std::int64_t>(text.size() - lead);
    if (have < digits) text.insert(lead, static_cast<std::size_t>(digits - have), '0');
    return padded("", std::move(text), spec, spec.align ? spec.align : '>');
  }

  // What a markup is given is escaped.
  std::string text_of(const Value& value) const {
    return escaped_ ? escape(value).text() : str(value);
  }
  std::string shown(std::string text) const { return escaped_ ? escape_html(text) : text; }

  const std::string& format_;
  const Value& values_;
  bool escaped_, tuple_ = false;
  std::size_t used_ = 0;
};

// ---- str.format

class Brace {
 public:
  Brace(Runtime& runtime, const Args& args, bool escaped)
      : runtime_(runtime), args_(args), escaped_(escaped) {}

  std::string run(std::string_view format, int depth = 2) {
    if (depth < 0) fail(Errc::kBadData, "Max string recursion exceeded");
    std::string out;
    for (std::size_t at = 0; at < format.size();) {
      char c = format[at++];
      if (c != '{' && c != '}') {
        out += c;
      } else if (at < format.size() && format[at] == c) {
        out += c, ++at;
      } else if (c == '}') {
        fail(Errc::kBadData, "Single '}' encountered in format string");
      } else {
        std::size_t start = at;
        int open = 1;
        for (; at < format.size() && open > 0; ++at)
          open += format[at] == '{' ? 1 : format[at] == '}' ? -1 : 0;
        if (open > 0) fail(Errc::kBadData, "Single '{' encountered in format string");
        out += field(format.substr(start, at - start - 1), depth);
        charge(3);
      }
      if (out.size() > static_cast<std::size_t>(limits::kTemplateTextBytes)) allow_text(out.size());
    }
    return out;
  }

 private:
  std::string field(std::string_view text, int depth) {
    std::size_t end = 0;
    for (bool bracket = false; end < text.size(); ++end) {
      if (text[end] == '[') bracket = true;
      if (text[end] == ']') bracket = false;
      if (!bracket && (text[end] == '!' || text[end] == ':')) break;
    }
    Value value = lookup(text.substr(0, end));
    text.remove_prefix(end);
    if (text.starts_with('!')) {
      if (text.size() < 2) fail(Errc::kBadData, "unmatched '{' in format spec");
      if (text[1] == 's')
        value = Value(str(value));
      else if (text[1] == 'r' || text[1] == 'a')
        value = Value(repr(value));
      else
        fail(Errc::kBadData, "Unknown conversion specifier");
      text.remove_prefix(2);
    }
    if (text.empty()) return formatted(value, "");
    if (text[0] != ':') fail(Errc::kBadData, "expected ':' after conversion specifier");
    return formatted(value, run(text.substr(1), depth - 1));
  }

  std::string formatted(const Value& value, const std::string& spec) const {
    if (!escaped_) return format_value(value, spec);
    if (!value.is_markup()) return escape_html(format_value(value, spec));
    if (!spec.empty()) fail(Errc::kBadData, "Unsupported format specification for Markup.");
    return value.text();
  }

  Value first(std::string_view name) {
    bool number = !name.empty() && name.find_first_not_of("0123456789") == std::string_view::npos;
    if (name.empty() || number) {
      if (number == (automatic_ > 0))
        if (automatic_ != 0)
          fail(Errc::kBadData, "cannot switch between automatic and manual field numbering");
      std::size_t at = 0,
                  index = number ? static_cast<std::size_t>(read_number(name, at)) : next_++;
      automatic_ = number ? -1 : 1;
      if (index >= args_.positional.size())
        fail(Errc::kBadData, "Replacement index ", index,
             " out of range for positional args tuple");
      return args_.positional[index];
    }
    for (const auto& [key, value] : args_.named)
      if (charge(1), key == name) return value;
    fail(Errc::kBadData, "format() misses the argument '", name.substr(0, 100), "'");
  }

  Value lookup(std::string_view path) {
    std::size_t end = path.find_first_of(".[");
    Value value = first(path.substr(0, end));
    path.remove_prefix(std::min(end, path.size()));
    while (!path.empty()) {
      bool attribute = path[0] == '.';
      path.remove_prefix(1);
      end = attribute ? path.find_first_of(".[") : path.find(']');
      if (!attribute && end == std::string_view::npos)
        fail(Errc::kBadData, "Missing ']' in format string");
      std::string_view name = path.substr(0, end);
      if (name.empty()) fail(Errc::kBadData, "Empty attribute in format string");
      bool number = name.find_first_not_of("0123456789") == std::string_view::npos;
      std::size_t at = 0;
      value = attribute
                  ? get_attribute(runtime_, value, name)
                  : get_item(runtime_, value, number ? Value(read_number(name, at)) : Value(name));
      path.remove_prefix(
          std::min(path.size(), end == std::string_view::npos ? end : end + !attribute));
      if (!path.empty() && path[0] != '.' && path[0] != '[')
        fail(Errc::kBadData, "Only '.' or '[' may follow ']' in format field specifier");
    }
    return value;
  }

  Runtime& runtime_;
  const Args& args_;
  bool escaped_;
  std::size_t next_ = 0;
  int automatic_ = 0;  // 1: numbered by order, -1: by number
};

}  // namespace

std::string percent_format(const std::string& format, const Value& values, bool escaped) {
  return Percent(format, values, escaped).run();
}

std::string brace_format(Runtime& runtime, const std::string& format, const Args& args,
                         bool escaped) {
  return Brace(runtime, args, escaped).run(format);
}

std::string format_value(const Value& value, std::string_view text) {
  if (text.empty()) return str(value);
  Spec spec = parse_spec(text);
  bool real_type =
      spec.type != 0 && std::string_view("eEfFgGn%").find(spec.type) != std::string_view::npos;
  if (value.is(Kind::kString)) {
    if (spec.type != 0 && spec.type != 's')
      fail(Errc::kBadData, "Unknown format code '", spec.type, "' for object of type 'str'");
    if (spec.align == '=')
      fail(Errc::kBadData, "'=' alignment not allowed in string format specifier");
    std::string out = value.text();
    if (spec.precision >= 0) out.resize(byte_of(out, spec.precision));
    if (spec.zero && !spec.align) spec.fill = "0";
    return padded("", std::move(out), spec, spec.align ? spec.align : '<');
  }
  if (value.is(Kind::kFloat) || (value.is_integral() && real_type && spec.type != 'n')) {
    if (spec.type != 0 && !real_type)
      fail(Errc::kBadData, "Unknown format code '", spec.type, "' for object of type 'float'");
    return format_real(value.real(), spec);
  }
  if (value.is_integral()) {
    if (spec.type != 0 && std::string_view("bcdoxXn").find(spec.type) == std::string_view::npos)
      fail(Errc::kBadData, "Unknown format code '", spec.type, "' for object of type 'int'");
    return format_integer(value, spec);
  }
  fail(Errc::kBadData, "unsupported format string passed to ", value.type_name(), ".__format__");
}

}  // namespace hft::jinja
