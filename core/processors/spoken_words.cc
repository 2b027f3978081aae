#include "core/processors/spoken_words.h"

#include <algorithm>
#include <string_view>

#include "core/base/text.h"

namespace hft {
namespace {

constexpr std::string_view kNoCharacter = "\uFFFD";
constexpr std::string_view kBefore = "\"'“¡¿([{-", kAfter = "\"'.。,，!！?？:：”)]}、",
                           kPunctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";
constexpr std::string_view kWithoutSpaces[] = {"chinese", "japanese", "thai",
                                               "lao",     "myanmar",  "cantonese"};

// As Python's `in` for two strings.
bool within(std::string_view part, std::string_view text) { return text.find(part) != text.npos; }

struct Words : SpokenWords {
  void push(std::string word, std::vector<std::size_t> places) {
    words.push_back(std::move(word));
    tokens.push_back(std::move(places));
  }
  // `from` is put before or after what `to` has.
  void move(std::size_t from, std::size_t to) {
    const bool front = from < to;
    words[to].insert(front ? 0 : words[to].size(), words[from]);
    tokens[to].insert(front ? tokens[to].begin() : tokens[to].end(), tokens[from].begin(),
                      tokens[from].end());
    words[from].clear();
    tokens[from].clear();
  }
};

// Wherever the tokens end with a whole character.
Words at_characters(const Tokenizer& tokenizer, const std::vector<std::int32_t>& ids) {
  const std::string full = tokenizer.decode(ids, false);
  const auto starts = code_point_starts(full);
  const auto is_lost = [&](std::size_t at) {  // the whole text has no character there either
    return at + 1 < starts.size() &&
           full.substr(starts[at], starts[at + 1] - starts[at]) == kNoCharacter;
  };
  Words words;
  std::vector<std::int32_t> current;
  std::vector<std::size_t> places;
  std::size_t offset = 0;  // characters before the current word
  for (std::size_t i = 0; i < ids.size(); ++i) {
    current.push_back(ids[i]);
    places.push_back(i);
    const std::string decoded = tokenizer.decode(current, false);
    const auto lost = decoded.find(kNoCharacter);
    if (lost != decoded.npos &&
        !is_lost(offset + code_point_starts(decoded.substr(0, lost)).size() - 1))
      continue;
    offset += code_point_starts(decoded).size() - 1;
    words.push(decoded, std::exchange(places, {}));
    current.clear();
  }
  return words;
}

Words at_spaces(const Tokenizer& tokenizer, const std::vector<std::int32_t>& ids) {
  const Words parts = at_characters(tokenizer, ids);
  const auto eos = tokenizer.special_id("eos");
  Words words;
  for (std::size_t i = 0; i < parts.words.size(); ++i) {
    const std::string& part = parts.words[i];
    const bool special = eos && ids[parts.tokens[i][0]] >= *eos;
    if (special || part.starts_with(' ') || within(unicode_trimmed(part), kPunctuation) ||
        words.words.empty()) {
      words.push(part, parts.tokens[i]);
    } else {
      words.words.back() += part;
      words.tokens.back().insert(words.tokens.back().end(), parts.tokens[i].begin(),
                                 parts.tokens[i].end());
    }
  }
  return words;
}

void merge_punctuation(Words& w) {
  const auto count = w.words.size();
  for (std::size_t i = count < 2 ? 0 : count - 1, j = i; i-- > 0;) {
    if (w.words[i].starts_with(' ') && within(unicode_trimmed(w.words[i]), kBefore))
      w.move(i, j);
    else
      j = i;
  }
  for (std::size_t i = 0, j = 1; j < count; ++j) {
    if (!w.words[i].ends_with(' ') && within(w.words[j], kAfter))
      w.move(j, i);
    else
      i = j;
  }
  std::erase_if(w.words, [](const auto& word) { return word.empty(); });
  std::erase_if(w.tokens, [](const auto& places) { return places.empty(); });
}

}  // namespace

SpokenWords words_of_tokens(const Tokenizer& tokenizer, const std::vector<std::int32_t>& ids,
                            const std::string& language) {
  const bool no_spaces = std::ranges::find(kWithoutSpaces, language) != std::end(kWithoutSpaces);
  Words words = no_spaces ? at_characters(tokenizer, ids) : at_spaces(tokenizer, ids);
  merge_punctuation(words);
  return words;
}

}  // namespace hft
