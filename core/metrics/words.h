// Texts taken apart as Python takes them apart, for the metrics that compare texts.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace hft::metrics {

using Words = std::vector<std::string>;

Words words_of(std::string_view text);       // str.split()
Words characters_of(std::string_view text);  // list(text), each as UTF-8
std::string right_trimmed(std::string_view text);  // str.rstrip()
bool is_ascii_punctuation(char c);  // string.punctuation

// How often each run of n of them occurs; the words of a run are joined by `separator`.
using NGrams = std::unordered_map<std::string, std::int64_t>;
void add_n_grams(const Words& words, std::size_t n, std::string_view separator, NGrams& to);

}  // namespace hft::metrics
