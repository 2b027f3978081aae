#include "core/templates/python_text.h"

#include <utf8proc.h>

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace hft::jinja {
namespace {

struct Range {
  char32_t first, last;
};
bool within(char32_t c, const Range* begin, const Range* end) {
  for (; begin != end; ++begin)
    if (c >= begin->first && c <= begin->last) return true;
  return false;
}

// Numeric_Type=Digit characters that are not decimal digits (UnicodeData.txt, field 7).
constexpr Range kDigits[] = {
    {0xb2, 0xb3},       {0xb9, 0xb9},       {0x1369, 0x1371},   {0x19da, 0x19da},
    {0x2070, 0x2070},   {0x2074, 0x2079},   {0x2080, 0x2089},   {0x2460, 0x2468},
    {0x2474, 0x247c},   {0x2488, 0x2490},   {0x24ea, 0x24ea},   {0x24f5, 0x24fd},
    {0x24ff, 0x24ff},   {0x2776, 0x277e},   {0x2780, 0x2788},   {0x278a, 0x2792},
    {0x10a40, 0x10a43}, {0x10e60, 0x10e68}, {0x11052, 0x1105a}, {0x1f100, 0x1f10a}};
// Other_Lowercase and Other_Uppercase (PropList.txt).
constexpr Range kOtherLower[] = {
    {0xaa, 0xaa},     {0xba, 0xba},     {0x2b0, 0x2b8},   {0x2c0, 0x2c1},   {0x2e0, 0x2e4},
    {0x345, 0x345},   {0x37a, 0x37a},   {0x1d2c, 0x1d6a}, {0x1d78, 0x1d78}, {0x1d9b, 0x1dbf},
    {0x2071, 0x2071}, {0x207f, 0x207f}, {0x2090, 0x209c}, {0x2170, 0x217f}, {0x24d0, 0x24e9},
    {0x2c7c, 0x2c7d}, {0xa69c, 0xa69d}, {0xa770, 0xa770}, {0xa7f8, 0xa7f9}, {0xab5c, 0xab5f}};
constexpr Range kOtherUpper[] = {
    {0x2160, 0x216f}, {0x24b6, 0x24cf}, {0x1f130, 0x1f149}, {0x1f150, 0x1f169}, {0x1f170, 0x1f189}};

// Upper case that is more than one character (SpecialCasing.txt), without the Greek iota
// subscripts.
struct Special {
  char32_t from;
  char32_t to[3];
};
constexpr Special kSpecialUpper[] = {
    {0xdf, {'S', 'S', 0}},          {0x149, {0x2bc, 'N', 0}},       {0x1f0, {'J', 0x30c, 0}},
    {0x390, {0x399, 0x308, 0x301}}, {0x3b0, {0x3a5, 0x308, 0x301}}, {0x587, {0x535, 0x552, 0}},
    {0x1e96, {'H', 0x331, 0}},      {0x1e97, {'T', 0x308, 0}},      {0x1e98, {'W', 0x30a, 0}},
    {0x1e99, {'Y', 0x30a, 0}},      {0x1e9a, {'A', 0x2be, 0}},      {0xfb00, {'F', 'F', 0}},
    {0xfb01, {'F', 'I', 0}},        {0xfb02, {'F', 'L', 0}},        {0xfb03, {'F', 'F', 'I'}},
    {0xfb04, {'F', 'F', 'L'}},      {0xfb05, {'S', 'T', 0}},        {0xfb06, {'S', 'T', 0}},
    {0xfb13, {0x544, 0x546, 0}},    {0xfb14, {0x544, 0x535, 0}},    {0xfb15, {0x544, 0x53b, 0}},
    {0xfb16, {0x54e, 0x546, 0}},    {0xfb17, {0x544, 0x53d, 0}}};

auto category(char32_t c) { return utf8proc_category(static_cast<utf8proc_int32_t>(c)); }

const Special* special(char32_t c) {
  if (c < 0xdf) return nullptr;
  for (const Special& s : kSpecialUpper)
    if (s.from == c) return &s;
  return nullptr;
}

void append_upper(std::string& out, char32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
  } else if (const Special* s = special(c)) {
    for (char32_t part : s->to)
      if (part) append(out, part);
  } else {
    append(out, static_cast<char32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(c))));
  }
}

void append_title(std::string& out, char32_t c) {
  if (c < 0x80) return append_upper(out, c);
  if (const Special* s = special(c)) {
    append(out, s->to[0]);
    for (int i = 1; i < 3; ++i)
      if (s->to[i])
        append(out,
               static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(s->to[i]))));
    return;
  }
  append(out, static_cast<char32_t>(utf8proc_totitle(static_cast<utf8proc_int32_t>(c))));
}

bool case_ignorable(char32_t c) {
  auto k = category(c);
  return c == '\'' || c == '.' || c == ':' || c == '^' || c == '`' || c == 0xb7 || c == 0x2019 ||
         k == UTF8PROC_CATEGORY_MN || k == UTF8PROC_CATEGORY_ME || k == UTF8PROC_CATEGORY_CF ||
         k == UTF8PROC_CATEGORY_LM || k == UTF8PROC_CATEGORY_SK;
}

// Final_Sigma: a cased letter before, none after, ignorable ones skipped.
bool final_sigma(const std::vector<char32_t>& text, std::size_t at) {
  std::size_t i = at;
  while (i > 0 && case_ignorable(text[i - 1])) --i;
  if (i == 0 || !is_cased(text[i - 1])) return false;
  for (i = at + 1; i < text.size() && case_ignorable(text[i]);) ++i;
  return i == text.size() || !is_cased(text[i]);
}

void append_lower(std::string& out, const std::vector<char32_t>& text, std::size_t at) {
  char32_t c = text[at];
  if (c < 0x80) {
    out += static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  } else if (c == 0x130) {
    out += "i\xcc\x87";
  } else if (c == 0x3a3) {
    append(out, final_sigma(text, at) ? 0x3c2 : 0x3c3);
  } else {
    append(out, static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))));
  }
}

}  // namespace

char32_t decode(std::string_view text, std::size_t& at) {
  auto byte = [&](std::size_t i) -> char32_t {
    return i < text.size() ? static_cast<unsigned char>(text[i]) & 0x3f : 0;
  };
  auto lead = static_cast<unsigned char>(text[at]);
  std::size_t start = at;
  if (lead < 0x80) return at += 1, lead;
  if (lead < 0xe0)
    return at = std::min(text.size(), start + 2), (lead & 0x1fu) << 6 | byte(start + 1);
  if (lead < 0xf0)
    return at = std::min(text.size(), start + 3),
           (lead & 0x0fu) << 12 | byte(start + 1) << 6 | byte(start + 2);
  return at = std::min(text.size(), start + 4),
         (lead & 0x07u) << 18 | byte(start + 1) << 12 | byte(start + 2) << 6 | byte(start + 3);
}

void append(std::string& out, char32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += {static_cast<char>(0xc0 | c >> 6), static_cast<char>(0x80 | (c & 0x3f))};
  } else if (c < 0x10000) {
    out += {static_cast<char>(0xe0 | c >> 12), static_cast<char>(0x80 | (c >> 6 & 0x3f)),
            static_cast<char>(0x80 | (c & 0x3f))};
  } else {
    out += {static_cast<char>(0xf0 | c >> 18), static_cast<char>(0x80 | (c >> 12 & 0x3f)),
            static_cast<char>(0x80 | (c >> 6 & 0x3f)), static_cast<char>(0x80 | (c & 0x3f))};
  }
}

std::int64_t count_points(std::string_view text) {
  std::int64_t n = 0;
  for (char c : text) n += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  return n;
}

std::size_t byte_of(std::string_view text, std::int64_t index) {
  std::size_t at = 0;
  for (; index > 0 && at < text.size(); --index) decode(text, at);
  return at;
}

std::vector<char32_t> points(std::string_view text) {
  std::vector<char32_t> out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) out.push_back(decode(text, at));
  return out;
}

bool is_space(char32_t c) {
  if (c < 0x80) return (c >= 9 && c <= 13) || (c >= 0x1c && c <= 0x20);
  return c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 ||
         c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

bool is_printable(char32_t c) {
  if (c < 0x7f) return c >= 0x20;
  switch (category(c)) {
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
      return false;
    default:
      return true;
  }
}

bool is_alpha(char32_t c) {
  auto k = category(c);
  return k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_LO;
}
bool is_decimal(char32_t c) { return category(c) == UTF8PROC_CATEGORY_ND; }
bool is_digit(char32_t c) {
  return is_decimal(c) || within(c, std::begin(kDigits), std::end(kDigits));
}
bool is_numeric(char32_t c) {
  auto k = category(c);
  return k == UTF8PROC_CATEGORY_ND || k == UTF8PROC_CATEGORY_NL || k == UTF8PROC_CATEGORY_NO;
}
bool is_lower(char32_t c) {
  return category(c) == UTF8PROC_CATEGORY_LL ||
         within(c, std::begin(kOtherLower), std::end(kOtherLower));
}
bool is_upper(char32_t c) {
  return category(c) == UTF8PROC_CATEGORY_LU ||
         within(c, std::begin(kOtherUpper), std::end(kOtherUpper));
}
bool is_cased(char32_t c) {
  return is_lower(c) || is_upper(c) || category(c) == UTF8PROC_CATEGORY_LT;
}
bool is_word(char32_t c) {
  if (c < 0x80)
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  auto k = category(c);
  return (k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_NO) || k == UTF8PROC_CATEGORY_PC;
}

std::string upper(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) append_upper(out, decode(text, at));
  return out;
}

std::string lower(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  auto all = points(text);
  for (std::size_t i = 0; i < all.size(); ++i) append_lower(out, all, i);
  return out;
}

std::string casefold(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    char32_t c = decode(text, at);
    if (c < 0x80) {
      out += static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
      continue;
    }
    std::array<utf8proc_int32_t, 8> folded{};
    int boundary = 0;
    auto n = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), folded.data(), folded.size(),
                                     UTF8PROC_CASEFOLD, &boundary);
    for (int i = 0; i < n; ++i) append(out, static_cast<char32_t>(folded[i]));
  }
  return out;
}

std::string capitalize(std::string_view text) {
  std::string out;
  auto all = points(text);
  for (std::size_t i = 0; i < all.size(); ++i)
    i == 0 ? append_title(out, all[0]) : append_lower(out, all, i);
  return out;
}

std::string title(std::string_view text) {
  std::string out;
  auto all = points(text);
  bool inside = false;
  for (std::size_t i = 0; i < all.size(); ++i) {
    inside ? append_lower(out, all, i) : append_title(out, all[i]);
    inside = is_cased(all[i]);
  }
  return out;
}

std::string swapcase(std::string_view text) {
  std::string out;
  auto all = points(text);
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (is_upper(all[i]))
      append_lower(out, all, i);
    else if (is_lower(all[i]))
      append_upper(out, all[i]);
    else
      append(out, all[i]);
  }
  return out;
}

std::string_view strip(std::string_view text, const std::string* chars, bool left, bool right) {
  std::vector<char32_t> set = chars ? points(*chars) : std::vector<char32_t>{};
  auto wanted = [&](char32_t c) {
    if (!chars) return is_space(c);
    for (char32_t s : set)
      if (s == c) return true;
    return false;
  };
  while (left && !text.empty()) {
    std::size_t at = 0;
    if (!wanted(decode(text, at))) break;
    text.remove_prefix(at);
  }
  while (right && !text.empty()) {
    std::size_t start = text.size() - 1;
    while (start > 0 && (static_cast<unsigned char>(text[start]) & 0xc0) == 0x80) --start;
    std::size_t at = start;
    if (!wanted(decode(text, at))) break;
    text = text.substr(0, start);
  }
  return text;
}

std::vector<std::string_view> split_lines(std::string_view text, bool keep_ends) {
  std::vector<std::string_view> lines;
  std::size_t start = 0;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at;
    char32_t c = decode(text, at);
    bool breaks = (c >= 0x0a && c <= 0x0d) || (c >= 0x1c && c <= 0x1e) || c == 0x85 ||
                  c == 0x2028 || c == 0x2029;
    if (!breaks) continue;
    if (c == '\r' && at < text.size() && text[at] == '\n') ++at;
    lines.push_back(text.substr(start, (keep_ends ? at : end) - start));
    start = at;
  }
  if (start < text.size()) lines.push_back(text.substr(start));
  return lines;
}

void append_repr(std::string& out, std::string_view text) {
  bool single = text.find('\'') != std::string_view::npos;
  char quote = single && text.find('"') == std::string_view::npos ? '"' : '\'';
  constexpr char kHex[] = "0123456789abcdef";
  auto hex = [&](char32_t c, int digits) {
    for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4) out += kHex[c >> shift & 15];
  };
  out += quote;
  for (std::size_t at = 0; at < text.size();) {
    char32_t c = decode(text, at);
    if (c == static_cast<char32_t>(quote) || c == '\\')
      out += '\\', out += static_cast<char>(c);
    else if (c == '\n')
      out += "\\n";
    else if (c == '\r')
      out += "\\r";
    else if (c == '\t')
      out += "\\t";
    else if (is_printable(c))
      append(out, c);
    else if (c < 0x100)
      out += "\\x", hex(c, 2);
    else if (c < 0x10000)
      out += "\\u", hex(c, 4);
    else
      out += "\\U", hex(c, 8);
  }
  out += quote;
}

std::string float_repr(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char buffer[40];
  auto end =
      std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific).ptr;
  std::string_view all(buffer, end - buffer);
  std::string out;
  if (all[0] == '-') out += '-', all.remove_prefix(1);
  std::size_t e = all.find('e');
  int exponent = std::atoi(std::string(all.substr(e + 1)).c_str());
  std::string digits(1, all[0]);
  if (e > 2) digits += all.substr(2, e - 2);
  int count = static_cast<int>(digits.size());
  if (exponent < -4 || exponent >= 16) {
    out += digits[0];
    if (count > 1) out += '.', out += digits.substr(1);
    int size = std::abs(exponent);
    return out + (exponent < 0 ? "e-" : "e+") + (size < 10 ? "0" : "") + std::to_string(size);
  }
  if (exponent < 0) return out + "0." + std::string(-exponent - 1, '0') + digits;
  if (count <= exponent + 1) return out + digits + std::string(exponent + 1 - count, '0') + ".0";
  return out + digits.substr(0, exponent + 1) + "." + digits.substr(exponent + 1);
}

}  // namespace hft::jinja
