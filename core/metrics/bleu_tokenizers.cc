// The tokenizers of sacreBLEU 2.6: mteval-v13a, its international kind, characters, Chinese.
#include <utf8proc.h>

#include <algorithm>
#include <functional>

#include "core/base/text.h"
#include "core/metrics/bleu.h"
#include "core/tokenizers/unicode.h"

namespace hft::metrics {
namespace {

std::string replaced(std::string text, std::string_view what, std::string_view with) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size())
    text.replace(at, what.size(), with);
  return text;
}

using Is = std::function<bool(char32_t)>;

// Each code point that `is`, with a space on both sides.
std::string set_apart(std::string_view text, const Is& is) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t start = at;
    const bool apart = is(unicode::next(text, at));
    if (apart) out += ' ';
    out += text.substr(start, at - start);
    if (apart) out += ' ';
  }
  return out;
}

// Pairs of neighbours a, b from the left, none in two pairs: a space before and after the one that
// is to stand alone.
std::string part_pairs(std::string_view text, const Is& first, const Is& second, bool first_alone) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t start = at;
    const char32_t a = unicode::next(text, at);
    std::size_t end = at;
    if (at == text.size() || !first(a) || !second(unicode::next(text, end))) {
      out += text.substr(start, at - start);
      continue;
    }
    if (first_alone) out += ' ';
    out.append(text.substr(start, at - start)).append(" ").append(text.substr(at, end - at));
    if (!first_alone) out += ' ';
    at = end;
  }
  return out;
}

bool is_digit(char32_t c) { return c >= '0' && c <= '9'; }
bool no_digit(char32_t c) { return !is_digit(c); }
bool is_mark(char32_t c) { return c == '.' || c == ','; }

// What mteval-v13a does for languages written in Latin letters.
std::string western(std::string text) {
  text = set_apart(text, [](char32_t c) {
    return (c >= '{' && c <= '~') || (c >= '[' && c <= '`') || (c >= ' ' && c <= '&') ||
           (c >= '(' && c <= '+') || (c >= ':' && c <= '@') || c == '/';
  });
  text = part_pairs(text, no_digit, is_mark, false);
  text = part_pairs(text, is_mark, no_digit, true);
  return part_pairs(text, is_digit, [](char32_t c) { return c == '-'; }, false);
}

std::string mteval_13a(std::string text) {
  text = replaced(text, "<skipped>", "");
  text = replaced(text, "-\n", "");
  text = replaced(text, "\n", " ");
  for (const auto& [escape, plain] :
       {std::pair{"&quot;", "\""}, {"&amp;", "&"}, {"&lt;", "<"}, {"&gt;", ">"}})
    text = replaced(text, escape, plain);
  return western(" " + text + " ");
}

bool category_in(char32_t c, utf8proc_category_t first, utf8proc_category_t last) {
  const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(c));
  return category >= first && category <= last;
}

std::string international(std::string text) {
  const auto punctuation = [](char32_t c) {
    return category_in(c, UTF8PROC_CATEGORY_PC, UTF8PROC_CATEGORY_PO);
  };
  const auto no_number = [](char32_t c) {
    return !category_in(c, UTF8PROC_CATEGORY_ND, UTF8PROC_CATEGORY_NO);
  };
  text = part_pairs(text, no_number, punctuation, false);
  text = part_pairs(text, punctuation, no_number, true);
  return set_apart(
      text, [](char32_t c) { return category_in(c, UTF8PROC_CATEGORY_SM, UTF8PROC_CATEGORY_SO); });
}

// The second row is what comparing with two-letter strings makes of the reference's ranges beyond
// the basic plane.
bool is_chinese(char32_t c) {
  static constexpr std::pair<char32_t, char32_t> kRanges[] = {
      {0x3400, 0x4db5}, {0x4e00, 0x9fbb}, {0xf900, 0xfa2d}, {0xfa30, 0xfa6a}, {0xfa70, 0xfad9},
      {0x2001, 0x2a6d}, {0x2f81, 0x2fa1}, {0xff00, 0xffef}, {0x2e80, 0x2eff}, {0x3000, 0x303f},
      {0x31c0, 0x31ef}, {0x2f00, 0x2fdf}, {0x2ff0, 0x2fff}, {0x3100, 0x312f}, {0x31a0, 0x31bf},
      {0xfe10, 0xfe1f}, {0xfe30, 0xfe4f}, {0x3200, 0x33ff}};
  return std::ranges::any_of(kRanges,
                             [c](const auto& r) { return c >= r.first && c <= r.second; });
}

}  // namespace

Words bleu_tokens(std::string_view text, BleuTokenizer tokenizer) {
  switch (tokenizer) {
    case BleuTokenizer::k13a: return words_of(mteval_13a(std::string(text)));
    case BleuTokenizer::kIntl: return words_of(international(std::string(text)));
    case BleuTokenizer::kZh: return words_of(western(set_apart(unicode_trimmed(text), is_chinese)));
    case BleuTokenizer::kChar: return words_of(set_apart(text, [](char32_t) { return true; }));
    case BleuTokenizer::kNone: break;
  }
  return words_of(text);
}

}  // namespace hft::metrics
