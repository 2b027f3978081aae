// Entities of tag sequences, counted as seqeval 1.2.2 does by default: lenient about how an entity
// begins (conlleval), for IOB1, IOB2, IOE1, IOE2 and IOBES alike.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/metrics/classification.h"

namespace hft::metrics {

using Tags = std::vector<std::string>;

struct TaggedSpan {
  std::string type;
  std::int64_t first = 0, last = 0;  // tokens
  auto operator<=>(const TaggedSpan&) const = default;
};
// A tag is B-TYPE, I-TYPE, E-TYPE, S-TYPE or O. One without a prefix loses its first letter.
std::vector<TaggedSpan> entities_of(const Tags& tags);

struct EntityScores {
  std::vector<std::string> types;  // sorted, those of truth and predictions
  ClassScores scores;              // of them
  double accuracy = 0;             // of single tags
};
// The sequences of a pair are equally long.
EntityScores entity_scores(const std::vector<Tags>& truth, const std::vector<Tags>& predicted);

// The same from spans that are known already, one list a text; the accuracy stays 0.
EntityScores span_scores(const std::vector<std::vector<TaggedSpan>>& truth,
                         const std::vector<std::vector<TaggedSpan>>& predicted);

}  // namespace hft::metrics
