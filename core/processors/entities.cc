#include "core/processors/entities.h"

#include <algorithm>
#include <numeric>
#include <string_view>

#include "core/base/error.h"
#include "core/base/text.h"

namespace hft {
namespace {

struct Token {
  std::string word;
  const std::vector<float>* scores;
  std::int64_t index;
  Span span;
  bool subword;
};

std::size_t argmax(const std::vector<float>& v) {
  return static_cast<std::size_t>(std::max_element(v.begin(), v.end()) - v.begin());
}

// Code points [begin, end) of the text.
std::string slice(const std::string& text, const std::vector<std::uint32_t>& starts, Span span) {
  const auto last = static_cast<std::int32_t>(starts.size()) - 1;
  const auto at = [&](std::int32_t i) {
    return starts[static_cast<std::size_t>(std::clamp(i, 0, last))];
  };
  return text.substr(at(span.begin), at(std::max(span.begin, span.end)) - at(span.begin));
}

std::vector<Token> words_of(const std::string& text, const Encoding& encoding,
                            const std::vector<std::vector<float>>& scores,
                            const Tokenizer& tokenizer) {
  const auto starts = code_point_starts(text);
  const auto unknown = tokenizer.special_id("unk");
  std::vector<Token> tokens;
  for (std::size_t i = 0; i < encoding.size(); ++i) {
    if (encoding.special(i)) continue;
    Token token{tokenizer.token(encoding.ids[i]), &scores[i], static_cast<std::int64_t>(i),
                encoding.offsets[i], false};
    const std::string reference = slice(text, starts, token.span);
    if (tokenizer.marks_subwords()) {
      token.subword = code_point_starts(token.word).size() != code_point_starts(reference).size();
    } else {
      // No mark in the token tells: a word begins at the start or beside a space.
      const std::int32_t begin = token.span.begin;
      token.subword =
          begin > 0 && slice(text, starts, {begin - 1, begin + 1}).find(' ') == std::string::npos;
    }
    if (unknown && encoding.ids[i] == *unknown) {
      token.word = reference;
      token.subword = false;
    }
    tokens.push_back(std::move(token));
  }
  return tokens;
}

Entity entity_of_token(const Token& token, const EntityRules& rules) {
  const std::size_t top = argmax(*token.scores);
  return {(*rules.labels)[top], (*token.scores)[top], token.index, token.word, token.span};
}

// One entity of the tokens of a word, which must agree on a label.
Entity entity_of_word(const std::vector<Token>& word, const Tokenizer& tokenizer,
                      const EntityRules& rules) {
  std::vector<std::string> pieces;
  for (const Token& token : word) pieces.push_back(token.word);
  std::vector<float> scores = *word[0].scores;
  if (rules.aggregation == Aggregation::kMax) {
    auto surest = std::max_element(word.begin(), word.end(), [](const Token& a, const Token& b) {
      return (*a.scores)[argmax(*a.scores)] < (*b.scores)[argmax(*b.scores)];
    });
    scores = *surest->scores;
  } else if (rules.aggregation == Aggregation::kAverage) {
    for (std::size_t k = 0; k < scores.size(); ++k) {
      float sum = 0;
      for (const Token& token : word) sum += (*token.scores)[k];
      scores[k] = sum / static_cast<float>(word.size());
    }
  }
  const std::size_t top = argmax(scores);
  return {(*rules.labels)[top],
          scores[top],
          0,
          tokenizer.join(pieces),
          {word.front().span.begin, word.back().span.end}};
}

std::vector<Entity> entities_of_words(const std::vector<Token>& tokens, const Tokenizer& tokenizer,
                                      const EntityRules& rules) {
  std::vector<Entity> entities;
  std::vector<Token> word;
  for (const Token& token : tokens) {
    if (!word.empty() && !token.subword) {
      entities.push_back(entity_of_word(word, tokenizer, rules));
      word.clear();
    }
    word.push_back(token);
  }
  if (!word.empty()) entities.push_back(entity_of_word(word, tokenizer, rules));
  return entities;
}

// "B-PER" -> {begins, "PER"}; a label without B- or I- continues.
std::pair<bool, std::string> tag_of(const Json& name) {
  if (!name.is_string())
    fail_hint(Errc::kBadData, "use --aggregation-strategy none", "the label ", to_line(name),
              " of id2label is no text, and only texts make groups");
  const auto& label = name.get_ref<const std::string&>();
  const bool marked = label.starts_with("B-") || label.starts_with("I-");
  return {label.starts_with("B-"), marked ? label.substr(2) : label};
}

Entity entity_of_group(const std::vector<Entity>& group, const Tokenizer& tokenizer) {
  const std::string label = group[0].label;
  const auto dash = label.find('-');
  float sum = 0;
  std::vector<std::string> words;
  for (const Entity& e : group) {
    sum += e.score;
    words.push_back(e.word);
  }
  return {dash == std::string::npos ? label : label.substr(dash + 1),
          sum / static_cast<float>(group.size()),
          0,
          tokenizer.join(words),
          {group.front().span.begin, group.back().span.end}};
}

std::vector<Entity> grouped(const std::vector<Entity>& entities, const Tokenizer& tokenizer) {
  std::vector<Entity> groups;
  std::vector<Entity> group;
  for (const Entity& entity : entities) {
    const auto [begins, tag] = tag_of(entity.label);
    if (!group.empty() && (begins || tag != tag_of(group.back().label).second)) {
      groups.push_back(entity_of_group(group, tokenizer));
      group.clear();
    }
    group.push_back(entity);
  }
  if (!group.empty()) groups.push_back(entity_of_group(group, tokenizer));
  return groups;
}

}  // namespace

std::vector<Entity> find_entities(const std::string& text, const Encoding& encoding,
                                  const std::vector<std::vector<float>>& scores,
                                  const Tokenizer& tokenizer, const EntityRules& rules) {
  const std::vector<Token> tokens = words_of(text, encoding, scores, tokenizer);
  std::vector<Entity> entities;
  if (rules.aggregation == Aggregation::kNone || rules.aggregation == Aggregation::kSimple)
    for (const Token& token : tokens) entities.push_back(entity_of_token(token, rules));
  else
    entities = entities_of_words(tokens, tokenizer, rules);
  if (rules.aggregation != Aggregation::kNone) entities = grouped(entities, tokenizer);
  std::erase_if(entities, [&](const Entity& e) {
    return e.label.is_string() && rules.ignored.contains(e.label.get_ref<const std::string&>());
  });
  return entities;
}

std::vector<Entity> merge_overlapping(std::vector<Entity> entities) {
  if (entities.empty()) return entities;
  std::stable_sort(entities.begin(), entities.end(),
                   [](const Entity& a, const Entity& b) { return a.span.begin < b.span.begin; });
  std::vector<Entity> kept;
  Entity previous = entities[0];
  for (const Entity& entity : entities) {
    if (previous.span.begin <= entity.span.begin && entity.span.begin < previous.span.end) {
      const auto length = entity.span.end - entity.span.begin,
                 old = previous.span.end - previous.span.begin;
      if (length > old || (length == old && entity.score > previous.score)) previous = entity;
    } else {
      kept.push_back(previous);
      previous = entity;
    }
  }
  kept.push_back(previous);
  return kept;
}

}  // namespace hft
