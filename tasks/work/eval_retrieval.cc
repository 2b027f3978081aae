// Reference: BEIR (Thakur et al. 2021), GenericDataLoader.
#include "tasks/work/eval_retrieval.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/base/exact_json.h"
#include "core/base/files.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "core/checkpoint/sentence_folder.h"
#include "core/processors/similarity.h"
#include "tasks/run/output_file.h"
#include "tasks/run/resume.h"
#include "tasks/work/eval_examples.h"

namespace hft {
namespace {

constexpr std::size_t kRanked = 1000, kCandidates = 100;

struct Collection {
  std::string corpus, qrels;
  InputOptions queries;
};

std::string there(const fs::path& folder, const std::string& name) {
  for (const char* suffix : {"", ".gz", ".zst"})
    if (fs::exists(folder / (name + suffix))) return (folder / (name + suffix)).string();
  return "";
}

// What is not given is looked for in the folder that -i names.
Collection collection_of(const EvalSources& s) {
  Collection all{s.corpus, s.qrels, s.rows};
  std::error_code error;
  if (s.rows.files.size() == 1 && fs::is_directory(s.rows.files[0], error)) {
    const fs::path folder = s.rows.files[0];
    if (all.corpus.empty()) all.corpus = there(folder, "corpus.jsonl");
    if (all.qrels.empty()) all.qrels = there(folder, "qrels/test.tsv");
    if (const std::string queries = there(folder, "queries.jsonl"); !queries.empty())
      all.queries.files = {queries};
    if (!all.corpus.empty() && all.qrels.empty())
      fail(Errc::kNotFound, folder.string(), ": no qrels/test.tsv; --qrels FILE names another one");
  }
  return all;
}

template <class F>
void each_row(InputOptions rows, F&& take) {
  rows.columns = {{.name = "text", .source = "text", .optional = true}};
  InputReader reader(rows);
  while (const auto input = reader.next()) {
    if (!input->row.is_object())
      throw input->error.value_or(Error(Errc::kBadData, input->place + ": is no object"));
    with_context(input->place, [&] { take(input->row); });
  }
}

std::string id_in(const Json& row) {
  for (const char* name : {"_id", "id"})
    if (row.contains(name)) return text_of_value(row[name]);
  fail(Errc::kBadData, "has no \"_id\"");
}

std::string text_in(const Json& row, const char* name) {
  const Json text = row.value(name, Json(""));
  if (!text.is_string())
    fail(Errc::kBadData, "column '", name, "' is ", type_of(text), ", wanted a string");
  return text;
}

struct CollectedDocument {
  std::string id, text;
};

// A title stands before its text.
std::vector<CollectedDocument> documents_of(const std::string& corpus) {
  std::vector<CollectedDocument> all;
  each_row({.files = {corpus}}, [&](const Json& row) {
    all.push_back({id_in(row), trimmed(text_in(row, "title") + " " + text_in(row, "text"))});
  });
  if (all.empty()) fail(Errc::kBadData, corpus, ": holds no documents");
  return all;
}

// {query: {document: relevance}}.
std::map<std::string, Json> relevances_of(const std::string& qrels) {
  std::map<std::string, Json> all;
  each_row({.files = {qrels}}, [&](const Json& row) {
    for (const char* name : {"query-id", "corpus-id", "score"})
      if (!row.contains(name)) fail(Errc::kBadData, "has no column '", name, "'");
    const auto score = number_in(row["score"]);
    if (!score) fail(Errc::kBadData, "has ", to_line(row["score"]), " in place of a score");
    all[text_of_value(row["query-id"])][text_of_value(row["corpus-id"])] = *score;
  });
  return all;
}

// The places of documents that an earlier ranking found for each query, the best first.
std::map<std::string, std::vector<std::size_t>> candidates_of(
    const std::string& records, const std::vector<CollectedDocument>& documents) {
  std::map<std::string, std::size_t> places;
  for (std::size_t i = 0; i < documents.size(); ++i) places.emplace(documents[i].id, i);
  std::map<std::string, std::vector<std::size_t>> all;
  each_row({.files = {records}}, [&](const Json& row) {
    auto& found = all[id_in(row)];
    for (const Json& one : row.value("output", Json::array())) {
      const auto place = places.find(text_of_value(one.value("corpus_id", Json())));
      if (place != places.end() && found.size() < kCandidates) found.push_back(place->second);
    }
  });
  return all;
}

// Queries with their relevances; those of which nothing is known are left out.
class QueryRows {
 public:
  QueryRows(const Collection& all, const fs::path& to) : all_(all), to_(to) {}

  void write(const std::function<void(const std::string& id, Json& row)>& fill) {
    std::map<std::string, Json> relevant;
    if (!all_.qrels.empty()) relevant = relevances_of(all_.qrels);
    OutputFile out(to_);
    InputOptions queries = all_.queries;
    const std::int64_t limit = std::exchange(queries.limit, -1);
    std::int64_t count = 0;
    each_row(queries, [&](const Json& row) {
      const std::string id = id_in(row);
      const auto known = relevant.find(id);
      const bool judged = all_.qrels.empty() ? row.contains("qrels") : known != relevant.end();
      if (!judged || (limit >= 0 && count >= limit)) return;
      Json query{{"id", id}, {"text", text_in(row, "text")}};
      fill(id, query);
      query["qrels"] = all_.qrels.empty() ? row["qrels"] : known->second;
      out.write(exact_line(query) + "\n");
      ++count;
    });
    out.close();
    if (count == 0) fail(Errc::kBadData, "the relevances are of none of the queries");
  }

 private:
  const Collection& all_;
  fs::path to_;
};

void write_documents(const std::vector<CollectedDocument>& documents, const fs::path& to) {
  OutputFile out(to);
  for (const CollectedDocument& one : documents)
    out.write(exact_line(Json{{"id", one.id}, {"text", one.text}}) + "\n");
  out.close();
}

// The query beside the documents that it is to rank: all, or the candidates.
void add_documents(const std::vector<CollectedDocument>& documents,
                   const std::vector<std::size_t>* candidates, Json& row) {
  row["query"] = row["text"];
  row.erase("text");
  row["documents"] = row["document_ids"] = Json::array();
  const std::size_t size = candidates ? candidates->size() : documents.size();
  for (std::size_t i = 0; i < size; ++i) {
    const CollectedDocument& one = documents[candidates ? (*candidates)[i] : i];
    row["documents"].push_back(one.text);
    row["document_ids"].push_back(one.id);
  }
}

struct KnownVectors {
  std::vector<std::string> ids;
  std::vector<std::vector<float>> vectors;
};

KnownVectors vectors_of(const fs::path& records) {
  KnownVectors all;
  std::int64_t failed = 0;
  each_row({.files = {records.string()}}, [&](const Json& row) {
    if (row.contains("error")) {
      ++failed;
      return;
    }
    all.ids.push_back(id_in(row));
    all.vectors.push_back(row.at("output").get<std::vector<float>>());
  });
  if (failed > 0) note(counted(failed, "document") + " without a vector are in no ranking");
  return all;
}

Json best_of(const std::vector<float>& query, const KnownVectors& documents,
             Similarity similarity) {
  std::vector<std::pair<float, std::size_t>> scored;
  for (std::size_t i = 0; i < documents.ids.size(); ++i)
    scored.push_back({similarity(query, documents.vectors[i]), i});
  const std::size_t most = std::min(kRanked, scored.size());
  std::ranges::partial_sort(scored, scored.begin() + static_cast<std::ptrdiff_t>(most),
                            [&](const auto& a, const auto& b) {
                              return a.first != b.first
                                         ? a.first > b.first
                                         : documents.ids[a.second] > documents.ids[b.second];
                            });
  Json list = Json::array();
  for (std::size_t i = 0; i < most; ++i)
    list.push_back(
        {{"corpus_id", documents.ids[scored[i].second]}, {"score", number(scored[i].first)}});
  return list;
}

}  // namespace

void take_collection(const EvalTask& task, const EvalSources& sources, const fs::path& folder,
                     EvalData& data) {
  const Collection all = collection_of(sources);
  const bool by_vectors = task.command == "embed";
  if (all.corpus.empty() && by_vectors)
    fail(Errc::kUsage, task.id,
         ": wanted a collection: -i FOLDER as BEIR lays it out (corpus.jsonl, "
         "queries.jsonl, qrels/test.tsv), or --corpus FILE --qrels FILE -i QUERIES");
  if (all.corpus.empty()) return;
  const std::vector<CollectedDocument> documents = documents_of(all.corpus);
  const fs::path queries = folder / "queries.jsonl";
  QueryRows rows(all, queries);
  if (by_vectors) {
    rows.write([](const std::string&, Json&) {});
    data.corpus = folder / "corpus.jsonl";
    write_documents(documents, data.corpus);
  } else if (sources.candidates.empty()) {
    rows.write([&](const std::string&, Json& row) { add_documents(documents, nullptr, row); });
  } else {
    const auto candidates = candidates_of(sources.candidates, documents);
    const std::vector<std::size_t> none;
    rows.write([&](const std::string& id, Json& row) {
      const auto found = candidates.find(id);
      add_documents(documents, found == candidates.end() ? &none : &found->second, row);
    });
  }
  data.files = {queries.string()};
  data.made = true;
}

void rank_by_vectors(const fs::path& queries, const fs::path& corpus, const fs::path& folder,
                     const fs::path& to) {
  const Fields settings = read_sentence_folder(folder).settings;
  const Similarity similarity =
      similarity_named(settings.text("similarity_fn_name", "cosine"), settings.where());
  const KnownVectors documents = vectors_of(corpus);
  const Json run = FingerprintFiles(queries).of_file();
  const FingerprintFiles known(to);
  const bool keeps = !run.is_null() && OutputFile::lasting(to);
  OutputFile out(to);
  if (keeps) known.begin(run);
  each_row({.files = {queries.string()}}, [&](const Json& row) {
    Json record = row;
    if (!row.contains("error"))
      record["output"] = best_of(row.at("output").get<std::vector<float>>(), documents, similarity);
    out.write(exact_line(record) + "\n");
  });
  if (keeps) known.before_replacing(run);
  out.close();
  if (keeps) known.after_replacing();
}

}  // namespace hft
