// The data of an evaluation: rows as the task's command reads them, made where they are laid out
// otherwise (COCO's JSON, BEIR's folders, lists of words), with what is right in a column.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/base/write_target.h"
#include "tasks/run/rows.h"
#include "tasks/work/eval_tasks.h"

namespace hft {

struct EvalSources {
  InputOptions rows;
  std::string reference_column;  // "": what the task calls it
  std::string image_folder;      // of COCO's pictures; "": beside the JSON
  std::string corpus, qrels;     // of retrieval; "": those of BEIR's folder
  std::string candidates;        // records of an earlier ranking, of which rerank takes the best
};

struct EvalData {
  std::vector<std::string> files;  // rows; empty: those of --files-from
  bool made = false;               // here, of data in another layout: the options for that are used up
  std::vector<std::string> kept;   // columns that the records carry along
  std::vector<std::string> arguments;              // that the task's command needs for them
  std::map<std::int64_t, std::string> categories;  // names that COCO gives to numbers
  std::filesystem::path corpus;  // rows of documents that vectors are made of; "": no such thing
};

// Throws kUsage where no row holds what is right, kBadData naming a row without it.
EvalData eval_data(const EvalTask& task, const EvalSources& sources, const ScratchFolder& scratch);

}  // namespace hft
