#include "core/metrics/language.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "core/tokenizers/unicode.h"

namespace hft::metrics {

double perplexity(double log_likelihood, double tokens) {
  return std::exp(-log_likelihood / tokens);
}

double bits_per_byte(double log_likelihood, double bytes) {
  return -log_likelihood / bytes / std::numbers::ln2;
}

std::size_t best_choice(std::span<const double> log_likelihoods) {
  return static_cast<std::size_t>(std::ranges::max_element(log_likelihoods) -
                                  log_likelihoods.begin());
}

std::size_t best_choice_by_length(std::span<const double> log_likelihoods,
                                  std::span<const std::string> choices) {
  std::vector<double> each;
  for (std::size_t i = 0; i < choices.size(); ++i)
    each.push_back(log_likelihoods[i] / static_cast<double>(unicode::count(choices[i])));
  return best_choice(each);
}

}  // namespace hft::metrics
