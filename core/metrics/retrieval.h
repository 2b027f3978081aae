// Figures of one query's ranked documents, as trec_eval and ranx define them: linear gain for nDCG.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace hft::metrics {

struct RankedDocument {
  std::string id;
  double score = 0;
  double relevance = 0;  // 0: not relevant
};
// Best score first; of equal ones the greater id, as trec_eval has it.
void rank(std::vector<RankedDocument>& documents);

// Of the relevances in the order of the ranking, and those of all documents judged; the first k
// places count, all for k = 0. 0 where nothing is relevant.
double ndcg(std::span<const double> ranked, std::span<const double> judged, std::size_t k = 0);
double reciprocal_rank(std::span<const double> ranked, std::size_t k = 0);
double recall(std::span<const double> ranked, std::span<const double> judged, std::size_t k = 0);

}  // namespace hft::metrics
