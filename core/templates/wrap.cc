// Lines broken at words and hyphens: Python's textwrap (3.11), which jinja2's wordwrap uses.
#include <algorithm>
#include <span>
#include <vector>

#include "core/base/error.h"
#include "core/templates/markup.h"
#include "core/templates/python_text.h"

namespace hft::jinja {
namespace {

using Points = std::vector<char32_t>;
using Piece = std::span<const char32_t>;

bool is_blank(char32_t c) { return (c >= 9 && c <= 13) || c == ' '; }
bool is_letter(char32_t c) { return is_word(c) && !is_decimal(c) && c != '_'; }
bool in_word(char32_t c) {
  return is_word(c) || std::u32string_view(U"!\"'&.,?").find(c) != std::u32string_view::npos;
}

// The places in a line where it may be broken.
class Splitter {
 public:
  Splitter(const Points& text, bool hyphens) : text_(text), hyphens_(hyphens) {}

  std::vector<Piece> pieces() const {
    std::vector<Piece> out;
    for (std::size_t at = 0; at < text_.size();) {
      const std::size_t end = piece_end(at);
      out.push_back(Piece(text_).subspan(at, end - at));
      at = end;
    }
    return out;
  }

 private:
  bool at(std::size_t i, bool (*test)(char32_t)) const {
    return i < text_.size() && test(text_[i]);
  }
  bool hyphen(std::size_t i) const { return i < text_.size() && text_[i] == '-'; }
  // The end of two hyphens or more at i which a word follows; 0 when there are none.
  std::size_t dash_end(std::size_t i) const {
    std::size_t end = i;
    while (hyphen(end)) ++end;
    return end - i >= 2 && at(end, is_word) ? end : 0;
  }

  std::size_t piece_end(std::size_t start) const {
    std::size_t end = start;
    if (is_blank(text_[start])) {
      while (at(end, is_blank)) ++end;
      return end;
    }
    if (hyphens_ && start > 0 && in_word(text_[start - 1]))
      if (const std::size_t dash = dash_end(start)) return dash;
    for (end = start + 1; end < text_.size() && !is_blank(text_[end]); ++end) {
      if (!hyphens_) continue;
      if (splits_after(end)) return end + 1;
      if (in_word(text_[end - 1]) && dash_end(end)) return end;
    }
    return end;
  }

  // A hyphen between two letters and two more: "well-known", "x-y-zz".
  bool splits_after(std::size_t i) const {
    if (!hyphen(i)) return false;
    const bool before =
        (i >= 2 && is_letter(text_[i - 1]) && is_letter(text_[i - 2])) ||
        (i >= 3 && in_word(text_[i - 1]) && text_[i - 2] == '-' && is_letter(text_[i - 3]));
    return before && at(i + 1, is_letter) && at(i + 2 + hyphen(i + 2), is_letter);
  }

  const Points& text_;
  bool hyphens_;
};

bool all_space(Piece piece) { return std::all_of(piece.begin(), piece.end(), is_space); }

// The part of a piece that is longer than a line which this line still takes.
Piece take_part(Piece& piece, std::size_t room, const WrapStyle& style) {
  std::size_t end = room;
  if (style.break_on_hyphens && piece.size() > room) {
    std::size_t after = room;
    while (after > 0 && piece[after - 1] != '-') --after;
    const auto begin = piece.begin();
    if (after > 1 && std::any_of(begin, begin + static_cast<std::ptrdiff_t>(after - 1),
                                 [](char32_t c) { return c != '-'; }))
      end = after;
  }
  const Piece part = piece.first(end);
  piece = piece.subspan(end);
  return part;
}

}  // namespace

std::string wrap_line(std::string_view line, const WrapStyle& style, std::string_view glue) {
  if (style.width <= 0) fail(Errc::kBadData, "invalid width ", style.width, " (must be > 0)");
  const auto width = static_cast<std::size_t>(style.width);
  const Points text = points(line);
  std::vector<Piece> pieces = Splitter(text, style.break_on_hyphens).pieces();
  std::reverse(pieces.begin(), pieces.end());
  std::string out;
  for (bool first = true; !pieces.empty();) {
    std::vector<Piece> now;
    std::size_t length = 0;
    if (!first && all_space(pieces.back())) pieces.pop_back();
    while (!pieces.empty() && length + pieces.back().size() <= width) {
      length += pieces.back().size();
      now.push_back(pieces.back());
      pieces.pop_back();
    }
    if (!pieces.empty() && pieces.back().size() > width) {
      if (style.break_long_words) {
        now.push_back(take_part(pieces.back(), width - length, style));
      } else if (now.empty()) {
        now.push_back(pieces.back());
        pieces.pop_back();
      }
    }
    if (!now.empty() && all_space(now.back())) now.pop_back();
    if (now.empty()) continue;
    if (!first) out += glue;
    first = false;
    for (Piece piece : now)
      for (char32_t c : piece) append(out, c);
  }
  return out;
}

}  // namespace hft::jinja
