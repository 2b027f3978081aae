// The first half of an evaluation: the task's own command writes its records, with the columns that
// hold what is right beside them. The second half is the same for records that are there already.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "core/base/write_target.h"
#include "tasks/run/model_options.h"
#include "tasks/run/rows.h"
#include "tasks/work/eval_examples.h"

namespace hft {

struct RecordsRequest {
  const EvalTask& task;
  ModelOptions& model;
  InputOptions& data;
  std::string reference_column;
  std::vector<std::string> forwarded;  // options of the command, as they are given to it
};

// Runs the command to its exit code; the records are in `file`. Sentences given as lists of words
// are written as texts into `scratch` first.
int write_records(const RecordsRequest& request, const std::filesystem::path& file,
                  const ScratchFolder& scratch);

// What tells which model the records of `file` are of, and which bytes data files have: digests, so
// that two evaluations can be told apart.
Json model_facts(const std::string& name, const std::filesystem::path& folder,
                 const std::filesystem::path& file);
Json data_facts(const std::vector<std::string>& files);

}  // namespace hft
