#include "core/metrics/error_rate.h"

#include <algorithm>
#include <numeric>

#include "core/base/text.h"
#include "core/tokenizers/unicode.h"

namespace hft::metrics {
namespace {

Words spoken_words(std::string_view text) {
  std::string single;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t start = at;
    bool space = unicode::is_python_space(unicode::next(text, at));
    const std::size_t one = at;
    for (std::size_t ahead = at;
         space && ahead < text.size() && unicode::is_python_space(unicode::next(text, ahead));)
      at = ahead;
    single += at > one ? " " : text.substr(start, at - start);
  }
  Words words = split(unicode_trimmed(single), ' ');
  std::erase(words, "");
  return words;
}

ErrorCounts counts(const Words& text, const Words& reference) {
  return {edit_distance(text, reference), static_cast<std::int64_t>(reference.size())};
}

}  // namespace

std::int64_t edit_distance(const Words& a, const Words& b) {
  std::vector<std::int64_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (const std::string& word : a) {
    std::int64_t diagonal = row[0]++;
    for (std::size_t j = 1; j < row.size(); ++j) {
      const std::int64_t kept = diagonal + (word != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({kept, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

ErrorCounts& ErrorCounts::operator+=(const ErrorCounts& other) {
  errors += other.errors;
  length += other.length;
  return *this;
}

ErrorCounts word_errors(std::string_view text, std::string_view reference) {
  return counts(spoken_words(text), spoken_words(reference));
}

ErrorCounts character_errors(std::string_view text, std::string_view reference) {
  return counts(characters_of(unicode_trimmed(text)), characters_of(unicode_trimmed(reference)));
}

double error_rate(const ErrorCounts& c) {
  const auto errors = static_cast<double>(c.errors);
  return c.length == 0 ? errors : errors / static_cast<double>(c.length);
}

}  // namespace hft::metrics
