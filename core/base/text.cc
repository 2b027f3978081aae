#include "core/base/text.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdio>

namespace hft {
namespace {

// Length of the well-formed sequence at text[i], or 0.
std::size_t sequence_length(std::string_view text, std::size_t i) {
  auto byte = [&](std::size_t k) { return static_cast<unsigned char>(text[k]); };
  auto tail = [&](std::size_t k, unsigned low = 0x80, unsigned high = 0xBF) {
    return k < text.size() && byte(k) >= low && byte(k) <= high;
  };
  const unsigned lead = byte(i);
  if (lead < 0x80) return 1;
  if (lead < 0xC2) return 0;
  if (lead < 0xE0) return tail(i + 1) ? 2 : 0;
  if (lead < 0xF0) {
    const unsigned low = lead == 0xE0 ? 0xA0 : 0x80, high = lead == 0xED ? 0x9F : 0xBF;
    return tail(i + 1, low, high) && tail(i + 2) ? 3 : 0;
  }
  if (lead > 0xF4) return 0;
  const unsigned low = lead == 0xF0 ? 0x90 : 0x80, high = lead == 0xF4 ? 0x8F : 0xBF;
  return tail(i + 1, low, high) && tail(i + 2) && tail(i + 3) ? 4 : 0;
}

// Calls f(code point, its bytes) for each code point of well-formed text.
template <class F>
void each_code_point(std::string_view text, F&& f) {
  for (std::size_t i = 0; i < text.size();) {
    std::size_t n = std::max<std::size_t>(sequence_length(text, i), 1);
    utf8proc_int32_t c = 0;
    utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data() + i),
                     static_cast<utf8proc_ssize_t>(n), &c);
    if (!f(c, text.substr(i, n))) return;
    i += n;
  }
}

}  // namespace

std::optional<std::size_t> utf8_error(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    if (static_cast<unsigned char>(text[i]) < 0x80) {
      ++i;
      continue;
    }
    std::size_t n = sequence_length(text, i);
    if (n == 0) return i;
    i += n;
  }
  return std::nullopt;
}

int display_width(std::string_view text) {
  int width = 0;
  each_code_point(text, [&](utf8proc_int32_t c, std::string_view) {
    width += std::max(utf8proc_charwidth(c), 0);
    return true;
  });
  return width;
}

std::string shorten(std::string_view text, int columns) {
  if (display_width(text) <= columns) return std::string(text);
  std::string out;
  int width = 0;
  each_code_point(text, [&](utf8proc_int32_t c, std::string_view bytes) {
    width += std::max(utf8proc_charwidth(c), 0);
    if (width > columns - 1) return false;
    out += bytes;
    return true;
  });
  return out + "…";
}

std::string escape_controls(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const auto c = static_cast<unsigned char>(text[i]);
    const std::size_t n = sequence_length(text, i);
    // C1 controls (U+0080..U+009F) act on a terminal like their escape sequences.
    const bool control = c < 0x20 || c == 0x7f ||
                         (c == 0xC2 && n == 2 && static_cast<unsigned char>(text[i + 1]) < 0xA0);
    if (n > 0 && !control) {
      out += text.substr(i, n);
      i += n;
      continue;
    }
    for (std::size_t k = 0; k < std::max<std::size_t>(n, 1); ++k, ++i) {
      char hex[8];
      switch (text[i]) {
        case '\n':
          out += "\\n";
          break;
        case '\r':
          out += "\\r";
          break;
        case '\t':
          out += "\\t";
          break;
        default:
          std::snprintf(hex, sizeof hex, "\\x%02x", static_cast<unsigned char>(text[i]));
          out += hex;
      }
    }
  }
  return out;
}

std::optional<std::string> nearest(std::string_view word, std::span<const std::string> names) {
  std::optional<std::string> best;
  std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const auto& name : names) {
    const std::size_t n = word.size(), m = name.size();
    std::vector<std::vector<std::size_t>> d(n + 1, std::vector<std::size_t>(m + 1));
    for (std::size_t i = 0; i <= n; ++i) d[i][0] = i;
    for (std::size_t j = 0; j <= m; ++j) d[0][j] = j;
    for (std::size_t i = 1; i <= n; ++i)
      for (std::size_t j = 1; j <= m; ++j) {
        d[i][j] = std::min(
            {d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (word[i - 1] != name[j - 1])});
        if (i > 1 && j > 1 && word[i - 1] == name[j - 2] && word[i - 2] == name[j - 1])
          d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
      }
    if (d[n][m] < best_distance) {
      best_distance = d[n][m];
      best = name;
    }
  }
  return best;
}

std::string counted(std::int64_t n, std::string_view noun) {
  std::string digits = std::to_string(n);
  for (int i = static_cast<int>(digits.size()) - 3; i > (n < 0 ? 1 : 0); i -= 3)
    digits.insert(static_cast<std::size_t>(i), ",");
  return digits + " " + std::string(noun) + (n == 1 ? "" : "s");
}

std::string human_bytes(std::int64_t bytes) {
  if (bytes < 1000) return std::to_string(bytes) + " B";
  auto size = static_cast<double>(bytes) / 1000;
  const char* unit = "kMGTP";
  for (; size >= 999.95 && unit[1]; ++unit) size /= 1000;
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %cB", size, *unit);
  return text;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  for (std::size_t end; (end = text.find(separator, begin)) != std::string_view::npos;
       begin = end + 1)
    parts.emplace_back(text.substr(begin, end - begin));
  parts.emplace_back(text.substr(begin));
  return parts;
}

std::string trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n\v\f";
  const auto begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return "";
  return std::string(text.substr(begin, text.find_last_not_of(kSpace) - begin + 1));
}

namespace {

bool is_space(utf8proc_int32_t c) {
  return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x1F) || c == 0x85 || c == 0x2028 ||
         c == 0x2029 || utf8proc_category(c) == UTF8PROC_CATEGORY_ZS;
}

}  // namespace

std::vector<std::string> unicode_words(std::string_view text) {
  std::vector<std::string> words;
  bool inside = false;
  each_code_point(text, [&](utf8proc_int32_t c, std::string_view bytes) {
    if (is_space(c)) {
      inside = false;
    } else {
      if (!std::exchange(inside, true)) words.emplace_back();
      words.back() += bytes;
    }
    return true;
  });
  return words;
}

std::string unicode_trimmed(std::string_view text) {
  std::size_t begin = text.size(), end = 0;
  each_code_point(text, [&](utf8proc_int32_t c, std::string_view bytes) {
    if (is_space(c)) return true;
    const auto at = static_cast<std::size_t>(bytes.data() - text.data());
    begin = std::min(begin, at);
    end = at + bytes.size();
    return true;
  });
  return begin < end ? std::string(text.substr(begin, end - begin)) : "";
}

std::string lowercase(std::string_view text) {
  std::string out;
  each_code_point(text, [&](utf8proc_int32_t c, std::string_view) {
    utf8proc_uint8_t bytes[4];
    const auto n = utf8proc_encode_char(utf8proc_tolower(c), bytes);
    out.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(n));
    return true;
  });
  return out;
}

std::string joined(std::span<const std::string> parts, std::string_view separator) {
  std::string out;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) out += separator;
    out += parts[i];
  }
  return out;
}

std::vector<std::uint32_t> code_point_starts(std::string_view text) {
  std::vector<std::uint32_t> starts;
  for (std::size_t i = 0; i < text.size(); ++i)
    if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80)
      starts.push_back(static_cast<std::uint32_t>(i));
  starts.push_back(static_cast<std::uint32_t>(text.size()));
  return starts;
}

}  // namespace hft
