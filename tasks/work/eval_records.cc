#include "tasks/work/eval_records.h"

#include <algorithm>

#include "core/base/digest.h"
#include "core/base/exact_json.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "tasks/run/command.h"
#include "tasks/run/output_file.h"
#include "tasks/run/resume.h"

namespace hft {
namespace {

// Rows of {"tokens": [...]}: the words a space apart as "text", the other columns as they are.
fs::path joined_words(const InputOptions& data, const fs::path& folder) {
  const fs::path file = folder / "sentences.jsonl";
  OutputFile out(file);
  InputReader reader(data);
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

}  // namespace

int write_records(const RecordsRequest& r, const fs::path& file, const ScratchFolder& scratch) {
  const Json row = first_row(r.data);
  std::vector<std::string> kept;
  if (!r.task.references.empty()) {
    kept = {r.reference_column};
    if (kept[0].empty() && !row.is_null()) kept[0] = reference_column(r.task, row);
    if (kept[0].empty())
      fail(Errc::kUsage, "--reference-column: names the column with what is right",
           row.is_object() ? ": the data has no '" + joined(r.task.references, "' or '") + "'" : "");
  }
  std::vector<std::string> arguments{r.task.command};
  const bool sentences = r.task.kind == AnswerKind::kTags && row.is_object() &&
                         row.contains("tokens") && !row.contains("text");
  if (sentences) {
    kept.push_back("tokens");
    arguments.push_back("--input=" + joined_words(r.data, scratch.path()).string());
  } else {
    for (const std::string& name : r.data.files) arguments.push_back("--input=" + name);
  }
  arguments.insert(arguments.end(), r.task.arguments.begin(), r.task.arguments.end());
  for (const std::string& one : r.forwarded)
    if (!sentences || !(one.starts_with("--limit=") || one.starts_with("--shard=") ||
                        one.starts_with("--input-format=") || one.starts_with("--split=") ||
                        one.starts_with("--subset=")))
      arguments.push_back(one);
  if (!kept.empty()) arguments.push_back("--keep-columns=" + to_line(Json(kept)));
  arguments.insert(arguments.end(), {"--json", "--output=" + file.string()});
  return run_command(std::move(arguments));
}

Json model_facts(const std::string& name, const fs::path& folder, const fs::path& file) {
  Json facts = Json::object();
  if (!name.empty()) facts["name"] = name;
  if (folder.parent_path().filename() == "snapshots") facts["commit"] = folder.filename().string();
  if (const Json known = FingerprintFiles(file).of_file(); known.is_object())
    facts["digest"] = known.value("model", "");
  return facts;
}

Json data_facts(const std::vector<std::string>& files) {
  Json all = Json::array();
  for (const std::string& name : files) {
    Json one{{"file", name}};
    std::error_code error;
    if (fs::is_regular_file(name, error)) {
      const MappedFile mapped(name);
      const auto bytes = mapped.bytes();
      one["digest"] =
          digest_of({reinterpret_cast<const char*>(bytes.data()), bytes.size()}).text();
    }
    all.push_back(std::move(one));
  }
  return all;
}

}  // namespace hft
