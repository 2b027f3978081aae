#include "tasks/work/eval_data.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/base/exact_json.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "tasks/run/output_file.h"
#include "tasks/work/eval_coco.h"
#include "tasks/work/eval_examples.h"
#include "tasks/work/eval_retrieval.h"

namespace hft {
namespace {

// Rows as the task's command sees them; its column may be missing.
InputOptions rows_for(const EvalTask& task, InputOptions rows) {
  const char* name = usual_column(task.input);
  rows.columns = {{.name = name, .source = name, .optional = true, .kind = task.input}};
  return rows;
}

bool from_a_pipe(const InputOptions& rows) {
  return rows.files_from == "-" || (rows.files.empty() && rows.files_from.empty()) ||
         std::ranges::any_of(rows.files, [](const std::string& file) {
           std::error_code error;
           return file == "-" || fs::status(file, error).type() == fs::file_type::fifo;
         });
}

// Rows of {"tokens": [...]}: the words a space apart as "text", the other columns as they are.
fs::path joined_words(const InputOptions& rows, const fs::path& folder) {
  const fs::path file = folder / "sentences.jsonl";
  OutputFile out(file);
  InputReader reader(rows);
  while (const auto input = reader.next()) {
    if (input->error) throw *input->error;
    Json row = input->row;
    if (!row.contains("tokens") || !row["tokens"].is_array())
      fail(Errc::kBadData, input->place, ": has no list 'tokens'");
    std::vector<std::string> words;
    for (const Json& word : row["tokens"]) {
      if (!word.is_string()) fail(Errc::kBadData, input->place, ": 'tokens' holds ", to_line(word));
      words.push_back(word);
    }
    row["text"] = joined(words, " ");
    out.write(exact_line(row) + "\n");
  }
  out.close();
  return file;
}

// Every row is looked at now: a model may take hours to come to the one that lacks it.
void check_truth(const InputOptions& rows, const std::string& column) {
  if (from_a_pipe(rows)) return;
  InputReader reader(rows);
  bool any = false;
  while (const auto input = reader.next()) {
    if (input->error) continue;  // the task's command makes its record
    if (!input->row.is_object())
      fail(Errc::kUsage, "--reference-column: the inputs are texts, which have no columns");
    if (std::exchange(any, true) && !input->row.contains(column))
      fail(Errc::kBadData, input->place, ": has no column '", column,
           "', which says what is right");
    if (input->row.contains(column)) continue;
    std::vector<std::string> names;
    for (const auto& [name, value] : input->row.items()) names.push_back(name);
    const auto near = nearest(column, names);
    fail(Errc::kUsage, "--reference-column: no column '", column,
         "' in the data; it has: ", joined(names, ", "), near ? "; closest: '" + *near + "'" : "");
  }
}

}  // namespace

EvalData eval_data(const EvalTask& task, const EvalSources& sources, const ScratchFolder& scratch) {
  EvalData data{.files = sources.rows.files};
  if (task.references.empty()) return data;
  InputOptions rows = rows_for(task, sources.rows);
  if (const auto coco = coco_rows(task, sources, scratch.path(), data.categories)) {
    data.files = {coco->string()};
    data.made = true;
  } else if (task.kind == AnswerKind::kRanking) {
    take_collection(task, sources, scratch.path(), data);
  }
  if (data.made) rows = rows_for(task, {.files = data.files});
  const Json row = first_row(rows);
  std::string column = sources.reference_column;
  if (column.empty() && !row.is_null()) column = reference_column(task, row);
  if (column.empty())
    fail(Errc::kUsage, "--reference-column: names the column with what is right",
         row.is_object() ? ": the data has no '" + joined(task.references, "' or '") + "'" : "");
  check_truth(rows, column);
  data.kept = {column};
  for (const char* name : {"segments_info", "document_ids"})
    if (row.is_object() && row.contains(name) && column != name) data.kept.push_back(name);
  const bool parted =
      row.is_object() && (row.contains("segments_info") || row.value(column, Json()).is_array());
  if (task.kind == AnswerKind::kRegions && !parted) data.arguments.push_back("--subtask=semantic");
  if (task.kind == AnswerKind::kTags && row.is_object() && row.contains("tokens") &&
      !row.contains("text")) {
    data.kept.push_back("tokens");
    data.files = {joined_words(rows, scratch.path()).string()};
    data.made = true;
  }
  return data;
}

}  // namespace hft
