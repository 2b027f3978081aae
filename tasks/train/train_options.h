// What `hft train` is asked, beside TrainingArguments.
#pragma once

#include <string>

#include "tasks/run/model_options.h"
#include "tasks/train/arguments.h"
#include "tasks/train/pushing.h"
#include "tasks/train/reading.h"

namespace hft {

struct TrainOptions {
  ModelOptions model;
  TrainingArguments arguments;
  LoraSettings lora;
  ColumnNames columns;
  ReadingOptions reading;
  PushOptions push;
  std::string task, train_file, eval_file, output, resume, problem_type, logging_file,
      report_to = "tensorboard";
  int ddp_timeout = 1800;  // seconds
  bool force = false, ignore_mismatched = false, from_config = false, no_cache = false;
};

// The options outlive the parsing and are not moved.
void add_train_options(Flags& flags, TrainOptions& options);

}  // namespace hft
