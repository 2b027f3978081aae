#include "core/metrics/chrf.h"

#include <algorithm>

#include "core/metrics/words.h"

namespace hft::metrics {
namespace {

constexpr double kFactor = 4;  // beta = 2, squared

// A punctuation mark at the end of a word, else one at its start, is a word of its own.
Words parted(std::string_view text) {
  Words all;
  for (const std::string& word : words_of(text)) {
    const bool one = characters_of(word).size() == 1;
    if (!one && is_ascii_punctuation(word.back())) {
      all.push_back(word.substr(0, word.size() - 1));
      all.push_back(word.substr(word.size() - 1));
    } else if (!one && is_ascii_punctuation(word.front())) {
      all.push_back(word.substr(0, 1));
      all.push_back(word.substr(1));
    } else {
      all.push_back(word);
    }
  }
  return all;
}

std::vector<NGrams> all_n_grams(std::string_view text, bool words) {
  Words characters;
  for (const std::string& word : words_of(text))
    for (std::string& c : characters_of(word)) characters.push_back(std::move(c));
  std::vector<NGrams> all(kChrfCharacters + kChrfWords);
  for (std::size_t n = 1; n <= kChrfCharacters; ++n) add_n_grams(characters, n, "", all[n - 1]);
  if (!words) return all;
  const Words apart = parted(text);
  for (std::size_t n = 1; n <= kChrfWords; ++n)
    add_n_grams(apart, n, " ", all[kChrfCharacters + n - 1]);
  return all;
}

ChrfCounts::Order compare(const NGrams& text, const NGrams& reference) {
  ChrfCounts::Order order;
  for (const auto& [gram, count] : text) {
    if (!reference.empty()) order.text += count;
    if (const auto found = reference.find(gram); found != reference.end())
      order.matches += std::min(count, found->second);
  }
  for (const auto& [gram, count] : reference) order.reference += count;
  return order;
}

}  // namespace

ChrfCounts& ChrfCounts::operator+=(const ChrfCounts& other) {
  for (std::size_t i = 0; i < orders.size(); ++i) {
    orders[i].text += other.orders[i].text;
    orders[i].reference += other.orders[i].reference;
    orders[i].matches += other.orders[i].matches;
  }
  return *this;
}

ChrfCounts chrf_counts(std::string_view text, std::span<const std::string> references, bool words) {
  const std::vector<NGrams> got = all_n_grams(text, words);
  ChrfCounts best;
  double best_score = -1;
  for (const std::string& reference : references) {
    const std::vector<NGrams> wanted = all_n_grams(reference, words);
    ChrfCounts counts;
    for (std::size_t i = 0; i < got.size(); ++i) counts.orders[i] = compare(got[i], wanted[i]);
    const double score = chrf(counts);
    if (score > best_score) {
      best_score = score;
      best = counts;
    }
  }
  return best;
}

double chrf(const ChrfCounts& counts) {
  double precision = 0, recall = 0, orders = 0;
  for (const ChrfCounts::Order& o : counts.orders) {
    if (o.text == 0 || o.reference == 0) continue;
    precision += static_cast<double>(o.matches) / static_cast<double>(o.text);
    recall += static_cast<double>(o.matches) / static_cast<double>(o.reference);
    orders += 1;
  }
  if (precision + recall == 0) return 0;
  precision /= orders;
  recall /= orders;
  return 100 * (1 + kFactor) * precision * recall / (kFactor * precision + recall);
}

}  // namespace hft::metrics
