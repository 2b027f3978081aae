// Records of a task, or predictions from elsewhere, beside what is right.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "tasks/work/eval_tasks.h"

namespace hft {

struct Example {
  Json id, input, output, reference;
  // One of these two, as the answers of the task are.
  std::string prediction;
  std::vector<std::string> references;
  std::vector<std::string> tags, right_tags;
  // Of labels: every label with its score (of choices: log-likelihood); a number in place of one.
  std::vector<std::pair<std::string, double>> scores;
  std::optional<double> number, right_number;
  double tokens = 0, bytes = 0, words = 0;  // of a text whose likelihood `number` is
};

struct ExampleOptions {
  std::string prediction_column;    // "": output, prediction
  std::string reference_column;     // "": what the task calls it
  std::vector<std::string> labels;  // the names of labels that are numbers
  std::string extract;              // a pattern: the part of a text that counts
};

struct Examples {
  std::vector<Example> all;
  std::int64_t failed = 0;  // records of an error, which are not among them
  std::string reference_column;
};

// Of a file of records. kUsage where a column is not there or labels cannot be compared; kBadData
// for a row that holds no answer.
Examples read_examples(const std::string& file, const EvalTask& task, const ExampleOptions& options);

// The first of the task's columns that the row has; "" for none.
std::string reference_column(const EvalTask& task, const Json& row);

}  // namespace hft
