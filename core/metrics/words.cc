#include "core/metrics/words.h"

#include "core/tokenizers/unicode.h"

namespace hft::metrics {

Words words_of(std::string_view text) {
  Words words;
  std::size_t begin = 0;
  bool inside = false;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t start = at;
    const bool space = unicode::is_python_space(unicode::next(text, at));
    if (space && inside) words.emplace_back(text.substr(begin, start - begin));
    if (!space && !inside) begin = start;
    inside = !space;
  }
  if (inside) words.emplace_back(text.substr(begin));
  return words;
}

Words characters_of(std::string_view text) {
  Words all;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t start = at;
    unicode::next(text, at);
    all.emplace_back(text.substr(start, at - start));
  }
  return all;
}

std::string right_trimmed(std::string_view text) {
  std::size_t end = text.size();
  while (end > 0) {
    std::size_t at = end;
    if (!unicode::is_python_space(unicode::previous(text, at))) break;
    end = at;
  }
  return std::string(text.substr(0, end));
}

bool is_ascii_punctuation(char c) {
  return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') ||
         (c >= '{' && c <= '~');
}

void add_n_grams(const Words& words, std::size_t n, std::string_view separator, NGrams& to) {
  for (std::size_t i = 0; i + n <= words.size(); ++i) {
    std::string one = words[i];
    for (std::size_t k = 1; k < n; ++k) one.append(separator).append(words[i + k]);
    ++to[std::move(one)];
  }
}

}  // namespace hft::metrics
