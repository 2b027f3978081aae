#include "tasks/work/eval_rankings.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/metrics/retrieval.h"
#include "tasks/work/eval_text_metrics.h"

namespace hft {
namespace {

using Relevances = std::map<std::string, double>;

double score_in(const Json& value) {
  const auto number = number_in(value);
  if (!number) fail(Errc::kBadData, "has ", type_of(value), " in place of a score");
  return *number;
}

std::string document_name(const Json& one) {
  if (!one.is_object()) return text_of_value(one);
  for (const char* name : {"corpus_id", "corpus-id", "id", "_id"})
    if (one.contains(name)) return text_of_value(one[name]);
  fail(Errc::kBadData, "has a document without \"corpus_id\"");
}

// {document: number}, a list of {"corpus_id", "score"}, of documents, or of numbers by place.
Relevances relevances_in(const Json& value) {
  Relevances all;
  const bool by_place = value.is_array() && !value.empty() && std::ranges::all_of(value, is_number);
  if (value.is_object())
    for (const auto& [name, relevance] : value.items()) all[name] = score_in(relevance);
  for (std::size_t i = 0; value.is_array() && i < value.size(); ++i) {
    if (by_place)
      all[std::to_string(i)] = score_in(value[i]);
    else
      all[document_name(value[i])] =
          value[i].is_object() && value[i].contains("score") ? score_in(value[i]["score"]) : 1;
  }
  if (!value.is_object() && !value.is_array())
    fail(Errc::kBadData, "has ", type_of(value), " in place of relevances");
  return all;
}

std::vector<metrics::RankedDocument> documents_in(const Json& output) {
  std::vector<metrics::RankedDocument> all;
  if (output.is_object()) {
    for (const auto& [name, score] : output.items()) all.push_back({name, score_in(score)});
  } else if (output.is_array()) {
    for (const Json& one : output) {
      const bool scored = one.is_object() && one.contains("score");
      // Without scores their order is the ranking.
      const double score = scored ? score_in(one["score"]) : -static_cast<double>(all.size());
      all.push_back({document_name(one), score});
    }
  } else {
    fail(Errc::kBadData,
         "holds no ranking, wanted {document: score} or [{\"corpus_id\", \"score\"}]");
  }
  return all;
}

using RankingFigure = double (*)(std::span<const double>, std::span<const double>, std::size_t);
constexpr std::pair<const char*, RankingFigure> kRankingFigures[] = {
    {"ndcg", metrics::ndcg},
    {"mrr", [](std::span<const double> ranked, std::span<const double>,
               std::size_t k) { return metrics::reciprocal_rank(ranked, k); }},
    {"recall", metrics::recall}};

}  // namespace

void take_ranking(const Json& row, Example& e) {
  const Relevances relevant = relevances_in(e.reference);
  auto documents = documents_in(e.output);
  // The documents of a row may have names of their own.
  if (const auto names = row.find("document_ids"); names != row.end() && names->is_array())
    for (metrics::RankedDocument& one : documents) {
      std::size_t place = names->size();
      std::from_chars(one.id.data(), one.id.data() + one.id.size(), place);
      if (place >= names->size()) fail(Errc::kBadData, "has no document ", one.id);
      one.id = text_of_value((*names)[place]);
    }
  metrics::rank(documents);
  std::vector<std::string> best;
  for (const metrics::RankedDocument& one : documents) {
    const auto found = relevant.find(one.id);
    e.ranked.push_back(found == relevant.end() ? 0 : found->second);
    if (best.size() < 10) best.push_back(one.id);
  }
  for (const auto& [name, relevance] : relevant) {
    e.judged.push_back(relevance);
    if (relevance > 0) e.references.push_back(name);
  }
  e.prediction = joined(best, " ");
}

std::vector<Metric> metrics_of_rankings(const Examples& examples,
                                        const std::vector<std::string>& names) {
  std::vector<std::size_t> depths{0, 1, 3, 5, 10, 20, 50, 100, 1000};
  for (const std::string& name : names) {
    const auto at = name.find('@');
    std::size_t depth = 0;
    if (at != name.npos) std::from_chars(name.data() + at + 1, name.data() + name.size(), depth);
    if (depth > 0 && std::ranges::find(depths, depth) == depths.end()) depths.push_back(depth);
  }
  std::vector<Metric> list;
  for (const auto& [name, figure] : kRankingFigures)
    for (const std::size_t depth : depths) {
      std::vector<double> values;
      for (const Example& e : examples.all) values.push_back(figure(e.ranked, e.judged, depth));
      list.push_back(
          mean_metric(depth == 0 ? name : name + ("@" + std::to_string(depth)), std::move(values)));
    }
  return list;
}

}  // namespace hft
