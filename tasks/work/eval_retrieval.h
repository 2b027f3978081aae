// Collections of documents, queries and relevances, as BEIR lays them out, and their rankings by
// vectors.
#pragma once

#include "tasks/work/eval_data.h"

namespace hft {

// Where -i is a folder with corpus.jsonl, queries.jsonl and qrels/test.tsv, or --corpus is given: the
// rows that embed or rerank reads, queries with their relevances; otherwise leaves `data` as it is.
void take_collection(const EvalTask& task, const EvalSources& sources,
                     const std::filesystem::path& folder, EvalData& data);

// Records of queries' and documents' vectors become records of rankings, the thousand best of each
// query, by the similarity that the model of `folder` names.
void rank_by_vectors(const std::filesystem::path& queries, const std::filesystem::path& corpus,
                     const std::filesystem::path& folder, const std::filesystem::path& to);

}  // namespace hft
