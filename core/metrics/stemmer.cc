#include "core/metrics/stemmer.h"

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace hft::metrics {
namespace {

std::vector<bool> consonants(std::string_view word) {
  std::vector<bool> flags;
  for (char c : word) {
    const bool vowel = std::string_view("aeiou").find(c) != std::string_view::npos;
    flags.push_back(c == 'y' ? flags.empty() || !flags.back() : !vowel);
  }
  return flags;
}

// m of [C](VC)^m[V]
int measure(std::string_view word) {
  const std::vector<bool> flags = consonants(word);
  int m = 0;
  for (std::size_t i = 1; i < flags.size(); ++i) m += flags[i] && !flags[i - 1];
  return m;
}

bool has_vowel(std::string_view word) {
  for (const bool consonant : consonants(word))
    if (!consonant) return true;
  return false;
}

bool ends_in_double_consonant(std::string_view word) {
  return word.size() >= 2 && word.back() == word[word.size() - 2] && consonants(word).back();
}

bool ends_cvc(std::string_view word) {
  const std::vector<bool> flags = consonants(word);
  const std::size_t n = word.size();
  if (n == 2) return !flags[0] && flags[1];
  return n >= 3 && flags[n - 3] && !flags[n - 2] && flags[n - 1] && word[n - 1] != 'w' &&
         word[n - 1] != 'x' && word[n - 1] != 'y';
}

struct Rule {
  std::string_view suffix, replacement;
};
using Condition = std::function<bool(std::string_view stem)>;

// The first rule whose suffix fits decides, also where its stem then does not.
std::string apply(std::string word, std::span<const Rule> rules, const Condition& condition) {
  for (const Rule& rule : rules) {
    if (!word.ends_with(rule.suffix)) continue;
    const std::string base = word.substr(0, word.size() - rule.suffix.size());
    return condition(base) ? base + std::string(rule.replacement) : word;
  }
  return word;
}

std::string without(const std::string& word, std::size_t letters) {
  return word.substr(0, word.size() - letters);
}

std::string plurals(const std::string& word) {
  static constexpr Rule kRules[] = {{"sses", "ss"}, {"ies", "i"}, {"ss", "ss"}, {"s", ""}};
  if (word.size() == 4 && word.ends_with("ies")) return without(word, 1);
  return apply(word, kRules, [](auto) { return true; });
}

std::string past_and_progress(const std::string& word) {
  if (word.ends_with("ied")) return without(word, word.size() == 4 ? 1 : 2);
  if (word.ends_with("eed")) return measure(without(word, 3)) > 0 ? without(word, 1) : word;
  std::optional<std::string> base;
  for (const std::string_view suffix : {"ed", "ing"})
    if (!base && word.ends_with(suffix) && has_vowel(without(word, suffix.size())))
      base = without(word, suffix.size());
  if (!base) return word;
  for (const std::string_view suffix : {"at", "bl", "iz"})
    if (base->ends_with(suffix)) return *base + "e";
  if (ends_in_double_consonant(*base)) {
    const char last = base->back();
    return last == 'l' || last == 's' || last == 'z' ? *base : without(*base, 1);
  }
  return measure(*base) == 1 && ends_cvc(*base) ? *base + "e" : *base;
}

std::string final_y(const std::string& word) {
  if (!word.ends_with("y")) return word;
  const std::string base = without(word, 1);
  return base.size() > 1 && consonants(base).back() ? base + "i" : word;
}

std::string double_suffixes(const std::string& word) {
  static constexpr Rule kRules[] = {
      {"ational", "ate"}, {"tional", "tion"}, {"enci", "ence"},   {"anci", "ance"},
      {"izer", "ize"},    {"bli", "ble"},     {"alli", "al"},     {"entli", "ent"},
      {"eli", "e"},       {"ousli", "ous"},   {"ization", "ize"}, {"ation", "ate"},
      {"ator", "ate"},    {"alism", "al"},    {"iveness", "ive"}, {"fulness", "ful"},
      {"ousness", "ous"}, {"aliti", "al"},    {"iviti", "ive"},   {"biliti", "ble"},
      {"fulli", "ful"}};
  if (word.ends_with("alli") && measure(without(word, 4)) > 0)
    return double_suffixes(without(word, 2));
  if (word.ends_with("logi")) return measure(without(word, 3)) > 0 ? without(word, 1) : word;
  return apply(word, kRules, [](auto base) { return measure(base) > 0; });
}

std::string single_suffixes(const std::string& word) {
  static constexpr Rule kRules[] = {{"icate", "ic"}, {"ative", ""}, {"alize", "al"}, {"iciti", "ic"},
                                    {"ical", "ic"},  {"ful", ""},   {"ness", ""}};
  return apply(word, kRules, [](auto base) { return measure(base) > 0; });
}

std::string long_suffixes(const std::string& word) {
  static constexpr Rule kRules[] = {
      {"al", ""},   {"ance", ""},  {"ence", ""}, {"er", ""},  {"ic", ""},
      {"able", ""}, {"ible", ""},  {"ant", ""},  {"ement", ""}, {"ment", ""},
      {"ent", ""},  {"ion", ""},   {"ou", ""},   {"ism", ""}, {"ate", ""},
      {"iti", ""},  {"ous", ""},   {"ive", ""},  {"ize", ""}};
  const bool ion = word.ends_with("ion");
  return apply(word, kRules, [&](std::string_view base) {
    return measure(base) > 1 && (!ion || base.ends_with('s') || base.ends_with('t'));
  });
}

std::string tidied(std::string word) {
  if (word.ends_with("e")) {
    const std::string base = without(word, 1);
    const int m = measure(base);
    if (m > 1 || (m == 1 && !ends_cvc(base))) word = base;
  }
  return word.ends_with("ll") && measure(without(word, 1)) > 1 ? without(word, 1) : word;
}

}  // namespace

std::string stem(const std::string& word) {
  static const std::map<std::string, std::string> kIrregular{
      {"sky", "sky"},         {"skies", "sky"},         {"dying", "die"},      {"lying", "lie"},
      {"tying", "tie"},       {"news", "news"},         {"innings", "inning"}, {"inning", "inning"},
      {"outings", "outing"},  {"outing", "outing"},     {"cannings", "canning"},
      {"canning", "canning"}, {"howe", "howe"},         {"proceed", "proceed"},
      {"exceed", "exceed"},   {"succeed", "succeed"}};
  if (const auto found = kIrregular.find(word); found != kIrregular.end()) return found->second;
  if (word.size() <= 2) return word;
  return tidied(long_suffixes(
      single_suffixes(double_suffixes(final_y(past_and_progress(plurals(word)))))));
}

}  // namespace hft::metrics
