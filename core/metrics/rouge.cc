#include "core/metrics/rouge.h"

#include <algorithm>
#include <set>

#include "core/base/text.h"
#include "core/metrics/stemmer.h"

namespace hft::metrics {
namespace {

RougeScore score(double same, std::size_t got, std::size_t wanted) {
  RougeScore s{same / static_cast<double>(std::max<std::size_t>(got, 1)),
               same / static_cast<double>(std::max<std::size_t>(wanted, 1))};
  if (s.precision + s.recall > 0) s.f1 = 2 * s.precision * s.recall / (s.precision + s.recall);
  return s;
}

RougeScore n_gram_score(const Words& text, const Words& reference, std::size_t n) {
  NGrams got, wanted;
  add_n_grams(text, n, " ", got);
  add_n_grams(reference, n, " ", wanted);
  double same = 0;
  for (const auto& [gram, count] : wanted)
    if (const auto found = got.find(gram); found != got.end())
      same += static_cast<double>(std::min(count, found->second));
  const auto runs = [&](const Words& w) { return w.size() < n ? 0 : w.size() - n + 1; };
  return score(same, runs(text), runs(reference));
}

// Lengths of the longest common subsequences of all beginnings: [R+1,T+1].
struct Lengths {
  Lengths(const Words& reference, const Words& text)
      : columns(text.size() + 1), values((reference.size() + 1) * columns) {
    for (std::size_t i = 1; i <= reference.size(); ++i)
      for (std::size_t j = 1; j < columns; ++j)
        at(i, j) = reference[i - 1] == text[j - 1] ? at(i - 1, j - 1) + 1
                                                   : std::max(at(i - 1, j), at(i, j - 1));
  }
  int& at(std::size_t i, std::size_t j) { return values[i * columns + j]; }
  std::size_t columns;
  std::vector<int> values;
};

// Positions in the reference of one longest common subsequence.
void add_common(const Words& reference, const Words& text, std::set<std::size_t>& to) {
  Lengths lengths(reference, text);
  for (std::size_t i = reference.size(), j = text.size(); i > 0 && j > 0;) {
    if (reference[i - 1] == text[j - 1]) {
      to.insert(--i);
      --j;
    } else if (lengths.at(i, j - 1) > lengths.at(i - 1, j)) {
      --j;
    } else {
      --i;
    }
  }
}

std::vector<Words> lines_of(std::string_view text, bool stemmed) {
  std::vector<Words> lines;
  for (const std::string& line : split(text, '\n'))
    if (!line.empty()) lines.push_back(rouge_tokens(line, stemmed));
  return lines;
}

RougeScore summary_score(const std::vector<Words>& text, const std::vector<Words>& reference) {
  NGrams got, wanted;
  std::size_t got_count = 0, wanted_count = 0;
  for (const Words& line : text) add_n_grams(line, 1, "", got), got_count += line.size();
  for (const Words& line : reference)
    add_n_grams(line, 1, "", wanted), wanted_count += line.size();
  if (got_count == 0 || wanted_count == 0) return {};
  double same = 0;
  for (const Words& line : reference) {
    std::set<std::size_t> common;
    for (const Words& other : text) add_common(line, other, common);
    // No word counts more often than either side has it.
    for (const std::size_t i : common)
      if (got[line[i]] > 0 && wanted[line[i]] > 0) {
        same += 1;
        --got[line[i]], --wanted[line[i]];
      }
  }
  return score(same, got_count, wanted_count);
}

}  // namespace

Words rouge_tokens(std::string_view text, bool stemmed) {
  Words words;
  std::string word;
  const auto end = [&] {
    if (word.empty()) return;
    words.push_back(stemmed && word.size() > 3 ? stem(word) : word);
    word.clear();
  };
  for (const char c : lowercase(text)) {
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
      word += c;
    else
      end();
  }
  end();
  return words;
}

RougeScores rouge(std::string_view text, std::string_view reference, bool stemmed) {
  const Words got = rouge_tokens(text, stemmed), wanted = rouge_tokens(reference, stemmed);
  RougeScores all;
  all.rouge1 = n_gram_score(got, wanted, 1);
  all.rouge2 = n_gram_score(got, wanted, 2);
  all.rougeL = score(Lengths(wanted, got).values.back(), got.size(), wanted.size());
  all.rougeLsum = summary_score(lines_of(text, stemmed), lines_of(reference, stemmed));
  return all;
}

RougeScores best_rouge(std::string_view text, std::span<const std::string> references,
                       bool stemmed) {
  RougeScores best = rouge(text, references[0], stemmed);
  for (const std::string& reference : references.subspan(1)) {
    const RougeScores other = rouge(text, reference, stemmed);
    for (const auto field :
         {&RougeScores::rouge1, &RougeScores::rouge2, &RougeScores::rougeL, &RougeScores::rougeLsum})
      if ((other.*field).f1 > (best.*field).f1) best.*field = other.*field;
  }
  return best;
}

}  // namespace hft::metrics
