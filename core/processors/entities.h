// Token scores to entities: the five aggregation strategies of the token-classification pipeline
// of transformers 4.57.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "core/tokenizers/tokenizer.h"

namespace hft {

enum class Aggregation { kNone, kSimple, kFirst, kAverage, kMax };

struct Entity {
  Json label;  // "B-PER" with kNone, else the group: "PER"
  float score = 0;
  std::int64_t index = 0;  // of the token; kNone only
  std::string word;
  Span span;  // code points of the text
};

struct EntityRules {
  Aggregation aggregation = Aggregation::kSimple;
  std::set<std::string> ignored{"O"};
  const std::vector<Json>* labels = nullptr;  // id2label
};

// Entities of one window. `scores` [T][L]: softmax of each token's logits. `encoding` has offsets.
// Throws kBadData for a label that is no text where labels make groups.
std::vector<Entity> find_entities(const std::string& text, const Encoding& encoding,
                                  const std::vector<std::vector<float>>& scores,
                                  const Tokenizer& tokenizer, const EntityRules& rules);

// Of overlapping entities from overlapping windows the longer stays, of equal ones the surer.
std::vector<Entity> merge_overlapping(std::vector<Entity> entities);

}  // namespace hft
