// Rankings of documents against what is known of their relevance: nDCG, MRR, recall.
#pragma once

#include "tasks/work/eval_metrics.h"

namespace hft {

// Fills ranked and judged of `example`. The output: {document: score}, a list of {"corpus_id",
// "score"}, or of documents, the best first. The reference: {document: relevance}, a list of
// documents that are relevant, or a number for each of the row's documents.
void take_ranking(const Json& row, Example& example);

// `names`: those that are asked for, of any depth ("ndcg@7").
std::vector<Metric> metrics_of_rankings(const Examples& examples,
                                        const std::vector<std::string>& names);

}  // namespace hft
