#include "tasks/run/drawing.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "core/base/text.h"

namespace hft {
namespace {
constexpr int kBarColumns = 30, kNameColumns = 40, kHeadingColumns = 78;
}

std::string label_text(const Json& label) {
  return label.is_string() ? label.get<std::string>() : to_line(label);
}

std::string heading(const Input& input) {
  return escape_controls(shorten(label_text(input.shown), kHeadingColumns)) + "\n";
}

std::string draw_bars(const Input& input, const Json& output, const std::string& name) {
  int width = 0;
  const auto name_of = [&](const Json& row) { return label_text(row[name]); };
  for (const Json& row : output) width = std::max(width, display_width(name_of(row)));
  width = std::min(width, kNameColumns);
  std::string out = heading(input);
  for (const Json& row : output) {
    const std::string label = escape_controls(shorten(name_of(row), width));
    const double score = row["score"].get<double>();
    const int filled = static_cast<int>(std::clamp(score, 0.0, 1.0) * kBarColumns + 0.5);
    out += "  " + label +
           std::string(static_cast<std::size_t>(std::max(0, width - display_width(label))), ' ') +
           "  ";
    for (int i = 0; i < kBarColumns; ++i) out += i < filled ? "█" : "·";
    char number[32];
    std::snprintf(number, sizeof number, "  %.4f\n", score);
    out += number;
  }
  return out;
}

std::string for_stdout(std::string text) {
  static const bool terminal = ::isatty(STDOUT_FILENO);
  if (!terminal) return text;
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const auto next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0u;
    const bool two_bytes = byte == 0xc2 && next >= 0x80 && next < 0xa0;  // U+0080 to U+009F
    const bool control = (byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7f;
    if (two_bytes) ++i;
    if (control || two_bytes)
      out += "\xef\xbf\xbd";
    else
      out += text[i];
  }
  return out;
}

}  // namespace hft
