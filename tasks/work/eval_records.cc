#include "tasks/work/eval_records.h"

#include <algorithm>

#include "core/base/digest.h"
#include "core/base/files.h"
#include "tasks/run/command.h"
#include "tasks/run/resume.h"
#include "tasks/work/eval_retrieval.h"

namespace hft {
namespace {

// Options that say how data is read, which rows made here do not need any more.
bool reads_data(const std::string& option) {
  static const std::vector<std::string> kNames{
      "--limit", "--shard", "--split", "--subset", "--input-format", "--lines", "--recursive", "--files-from", "--null"};
  return std::ranges::find(kNames, option.substr(0, option.find('='))) != kNames.end();
}

int run_task(const RecordsRequest& r, const std::vector<std::string>& inputs,
             std::vector<std::string> more, const fs::path& file) {
  std::vector<std::string> arguments{r.task.command};
  for (const std::string& name : inputs) arguments.push_back("--input=" + name);
  for (const auto* list : {&r.task.arguments, &r.data.arguments})
    arguments.insert(arguments.end(), list->begin(), list->end());
  for (const std::string& one : r.forwarded)
    if (!r.data.made || !reads_data(one)) arguments.push_back(one);
  arguments.insert(arguments.end(), more.begin(), more.end());
  arguments.insert(arguments.end(), {"--json", "--output=" + file.string()});
  return run_command(std::move(arguments));
}

// "ranks.queries.jsonl" of "ranks.jsonl": the vectors stay beside the rankings, and are resumed.
fs::path beside(const fs::path& file, const std::string& part) {
  return file.parent_path() / (file.stem().string() + "." + part + file.extension().string());
}

int rank_by_embedding(const RecordsRequest& r, const fs::path& file) {
  const std::pair<fs::path, std::string> corpus{beside(file, "corpus"), "document"},
      queries{beside(file, "queries"), "query"};
  int worst = 0;
  for (const auto& [to, prompt] : {corpus, queries}) {
    const bool documents = prompt == "document";
    std::vector<std::string> more{"--prompt-name=" + prompt};
    if (!documents) more.push_back("--keep-columns=" + to_line(Json(r.data.kept)));
    const int code = run_task(r, documents ? std::vector{r.data.corpus.string()} : r.data.files,
                              std::move(more), to);
    if (code != 0 && code != static_cast<int>(Errc::kSomeFailed)) return code;
    worst = std::max(worst, code);
  }
  rank_by_vectors(queries.first, corpus.first, r.model, file);
  return worst;
}

std::string digest_of_file(const fs::path& file) {
  const MappedFile mapped(file);
  const auto bytes = mapped.bytes();
  return digest_of({reinterpret_cast<const char*>(bytes.data()), bytes.size()}).text();
}

// Of a folder: the names of its files and what they hold.
std::string digest_of_files(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end;
       at.increment(error))
    if (std::error_code unknown; at->is_regular_file(unknown)) files.push_back(at->path());
  std::ranges::sort(files);
  std::string all;
  for (const fs::path& file : files)
    all += file.lexically_relative(folder).string() + '\0' + digest_of_file(file) + '\n';
  return digest_of(all).text();
}

}  // namespace

int write_records(const RecordsRequest& r, const fs::path& file) {
  if (!r.data.corpus.empty()) return rank_by_embedding(r, file);
  std::vector<std::string> more;
  if (!r.data.kept.empty()) more.push_back("--keep-columns=" + to_line(Json(r.data.kept)));
  return run_task(r, r.data.files, std::move(more), file);
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
    if (fs::is_regular_file(name, error)) one["digest"] = digest_of_file(name);
    if (fs::is_directory(name, error)) one["digest"] = digest_of_files(name);
    all.push_back(std::move(one));
  }
  return all;
}

}  // namespace hft
