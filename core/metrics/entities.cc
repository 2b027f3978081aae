#include "core/metrics/entities.h"

#include <set>

namespace hft::metrics {
namespace {

struct Tag {
  char prefix = 'O';
  std::string type;
};

Tag parted(const std::string& tag) {
  if (tag.empty()) return {'O', "_"};
  const std::string rest = tag.substr(1);
  const auto dash = rest.find('-');
  std::string type = dash == std::string::npos ? rest : rest.substr(dash + 1);
  return {tag[0], type.empty() ? "_" : type};
}

bool ends(const Tag& before, const Tag& now) {
  const bool closed = before.prefix == 'E' || before.prefix == 'S';
  const bool open = before.prefix == 'B' || before.prefix == 'I';
  const bool anew = now.prefix == 'B' || now.prefix == 'S' || now.prefix == 'O';
  const bool inside = before.prefix != 'O' && before.prefix != '.';
  return closed || (open && anew) || (inside && before.type != now.type);
}

bool begins(const Tag& before, const Tag& now) {
  const bool anew = now.prefix == 'B' || now.prefix == 'S';
  const bool goes_on = now.prefix == 'E' || now.prefix == 'I';
  const bool outside = before.prefix == 'E' || before.prefix == 'S' || before.prefix == 'O';
  const bool inside = now.prefix != 'O' && now.prefix != '.';
  return anew || (goes_on && outside) || (inside && before.type != now.type);
}

}  // namespace

std::vector<TaggedSpan> entities_of(const Tags& tags) {
  std::vector<TaggedSpan> spans;
  Tag before;
  std::int64_t first = 0;
  for (std::size_t i = 0; i <= tags.size(); ++i) {
    const Tag now = parted(i < tags.size() ? tags[i] : "O");
    const auto at = static_cast<std::int64_t>(i);
    if (ends(before, now)) spans.push_back({before.type, first, at - 1});
    if (begins(before, now)) first = at;
    before = now;
  }
  return spans;
}

EntityScores span_scores(const std::vector<std::vector<TaggedSpan>>& truth,
                         const std::vector<std::vector<TaggedSpan>>& predicted) {
  std::map<std::string, Counts> counts;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    const std::set<TaggedSpan> wanted(truth[i].begin(), truth[i].end()),
        got(predicted[i].begin(), predicted[i].end());
    for (const TaggedSpan& span : wanted) {
      ++counts[span.type].actual;
      counts[span.type].hits += got.contains(span);
    }
    for (const TaggedSpan& span : got) ++counts[span.type].predicted;
  }
  EntityScores all;
  std::vector<Counts> values;
  for (const auto& [type, count] : counts) {
    all.types.push_back(type);
    values.push_back(count);
  }
  all.scores = class_scores(values);
  return all;
}

EntityScores entity_scores(const std::vector<Tags>& truth, const std::vector<Tags>& predicted) {
  std::vector<std::vector<TaggedSpan>> wanted, got;
  double right = 0, tokens = 0;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    wanted.push_back(entities_of(truth[i]));
    got.push_back(entities_of(predicted[i]));
    for (std::size_t t = 0; t < truth[i].size(); ++t) {
      right += truth[i][t] == predicted[i][t];
      tokens += 1;
    }
  }
  EntityScores all = span_scores(wanted, got);
  all.accuracy = tokens == 0 ? 0 : right / tokens;
  return all;
}

}  // namespace hft::metrics
