// What people read of a run: figures, curve and model card.
#pragma once

#include <filesystem>
#include <string>

#include "core/base/json.h"
#include "tasks/train/arguments.h"

namespace hft {

struct TrainReport {
  std::string base, task;  // base: the model that training began with
  const TrainingArguments& arguments;
  Json history;  // log_history
  Json figures;  // of the end
  int processes = 1;
};

// train_results.json, eval_results.json, all_results.json, README.md, training_curve.svg and .png.
void write_reports(const std::filesystem::path& folder, const TrainReport& report);
// The losses over the steps, as a picture.
void write_curve(const std::filesystem::path& folder, const Json& history);

}  // namespace hft
