// Porter's stemmer (Program 14(3), 1980) with the extensions of NLTK, which rouge_score uses.
#pragma once

#include <string>

namespace hft::metrics {

// `word` is lower-case ASCII.
std::string stem(const std::string& word);

}  // namespace hft::metrics
