#include "core/metrics/bleu.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "core/base/text.h"

namespace hft::metrics {
namespace {

NGrams n_grams(const Words& words) {
  NGrams all;
  for (std::size_t n = 1; n <= kBleuOrder; ++n) add_n_grams(words, n, " ", all);
  return all;
}

Words tokens(std::string_view text, const BleuOptions& options) {
  const std::string trimmed = right_trimmed(text);
  return bleu_tokens(options.lowercase ? lowercase(trimmed) : trimmed, options.tokenizer);
}

// The nearer to `length` first, then the shorter.
std::int64_t reference_length(std::int64_t length, std::span<const std::int64_t> all,
                              bool closest) {
  return std::ranges::min(all, [&](std::int64_t a, std::int64_t b) {
    const std::int64_t da = std::abs(a - length), db = std::abs(b - length);
    return closest && da != db ? da < db : a < b;
  });
}

}  // namespace

BleuCounts& BleuCounts::operator+=(const BleuCounts& other) {
  for (std::size_t n = 0; n < kBleuOrder; ++n) {
    matches[n] += other.matches[n];
    totals[n] += other.totals[n];
  }
  length += other.length;
  reference_length += other.reference_length;
  return *this;
}

BleuCounts bleu_counts(std::string_view text, std::span<const std::string> references,
                       const BleuOptions& options) {
  NGrams most;  // over the references
  std::vector<std::int64_t> lengths;
  for (const std::string& reference : references) {
    const Words words = tokens(reference, options);
    lengths.push_back(static_cast<std::int64_t>(words.size()));
    for (const auto& [gram, count] : n_grams(words)) {
      std::int64_t& n = most[gram];
      n = std::max(n, count);
    }
  }
  const Words words = tokens(text, options);
  BleuCounts counts;
  counts.length = static_cast<std::int64_t>(words.size());
  counts.reference_length = reference_length(counts.length, lengths, options.closest_length);
  for (const auto& [gram, count] : n_grams(words)) {
    const auto order = static_cast<std::size_t>(std::ranges::count(gram, ' '));
    counts.totals[order] += count;
    if (const auto found = most.find(gram); found != most.end())
      counts.matches[order] += std::min(count, found->second);
  }
  return counts;
}

double bleu(const BleuCounts& counts, const BleuOptions& options) {
  if (std::ranges::all_of(counts.matches, [](auto n) { return n == 0; })) return 0;
  double penalty = 1;
  if (counts.length < counts.reference_length)
    penalty = std::exp(1 - static_cast<double>(counts.reference_length) /
                               static_cast<double>(counts.length));
  double smoothing = 1;
  std::array<double, kBleuOrder> precisions{};
  std::size_t order = kBleuOrder;
  for (std::size_t n = 0; n < kBleuOrder && counts.totals[n] > 0; ++n) {
    const auto total = static_cast<double>(counts.totals[n]);
    if (options.effective_order) order = n + 1;
    if (counts.matches[n] > 0)
      precisions[n] = 100 * static_cast<double>(counts.matches[n]) / total;
    else if (options.smoothed)
      precisions[n] = 100 / ((smoothing *= 2) * total);
  }
  double sum = 0;
  for (std::size_t n = 0; n < order; ++n) {
    if (precisions[n] == 0) return 0;
    sum += std::log(precisions[n]);
  }
  return penalty * std::exp(sum / static_cast<double>(order));
}

}  // namespace hft::metrics
