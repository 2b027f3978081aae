// From rows of data to what a model learns from: labels, tokens, batches.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "core/models/heads/trainee.h"
#include "core/tokenizers/tokenizer.h"
#include "tasks/run/rows.h"
#include "tasks/train/arguments.h"

namespace hft {

// The kinds of training, as --task names them.
struct TrainTask {
  std::string name;        // of the Hub: "text-classification"
  std::string short_name;  // "classify"
  Objective objective;
  std::string class_name;  // what its classes are called after: "ForSequenceClassification"
};
const std::vector<TrainTask>& train_tasks();

// Which columns hold what; "": those that such data usually have.
struct ColumnNames {
  std::string text, pair, label;
};

// One text of the data, whatever the task, with its labels as they were written.
struct TrainRow {
  std::string place;  // "line 3 of x.jsonl"
  std::string text, pair;
  bool has_pair = false;
  std::vector<std::string> words;
  Json label;
};

// All rows of a file (JSON lines, JSON, CSV, TSV, text). Throws what a bad row is, kBadData for an
// empty file, kUsage for a column that is not there.
std::vector<TrainRow> read_rows(const std::string& file, const TrainTask& task,
                                const ColumnNames& names);

// The labels of a task, and how they are written.
struct Labels {
  Objective objective = Objective::kClasses;
  std::vector<std::string> names;
  bool flags = false;  // several labels are written as a list of 0 and 1

  // Of one row; throws kBadData naming its place.
  std::vector<std::int32_t> classes(const TrainRow& row) const;
  std::vector<float> targets(const TrainRow& row) const;

 private:
  std::int32_t id(const Json& cell, const TrainRow& row) const;
};
// As `config` has them where they cover the rows, else what the rows name. `problem`:
// --problem-type.
Labels labels_of_rows(const TrainTask& task, const std::vector<TrainRow>& rows,
                      const Fields& config, const std::string& problem);

// config.json of the model that is made: its class, labels and type.
void describe(Json& config, const TrainTask& task, const Labels& labels);

// What one text becomes.
struct TrainExample {
  std::vector<std::int32_t> ids, type_ids, classes;
  std::vector<float> targets;
};

struct Encoder {
  const Tokenizer& tokenizer;
  const Labels& labels;
  std::int64_t max_length, block_size;
};
std::vector<TrainExample> examples_of(const std::vector<TrainRow>& rows, const Encoder& encoder);

// How tokens are masked.
struct Masking {
  double probability = 0.15;
  std::int32_t mask = 0, vocab = 0;
  std::uint64_t seed = 0;
};
TrainBatch batch_of(const std::vector<const TrainExample*>& examples, Objective objective,
                    const Masking& masking);

}  // namespace hft
