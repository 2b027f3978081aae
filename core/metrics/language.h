// Figures of language models from the log-likelihoods they give, as lm-evaluation-harness defines
// them.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace hft::metrics {

// From the summed natural log-likelihood of so many tokens, or bytes.
double perplexity(double log_likelihood, double tokens);
double bits_per_byte(double log_likelihood, double bytes);

// Which choice the model takes: of the greatest log-likelihood, or of the greatest by character of
// the choice. The first of equal ones.
std::size_t best_choice(std::span<const double> log_likelihoods);
std::size_t best_choice_by_length(std::span<const double> log_likelihoods,
                                  std::span<const std::string> choices);

}  // namespace hft::metrics
