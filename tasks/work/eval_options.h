// What hft eval and hft eval compare take on their command lines.
#pragma once

#include <string>
#include <vector>

#include "tasks/run/flags.h"
#include "tasks/run/model_options.h"
#include "tasks/work/eval_data.h"
#include "tasks/work/eval_report.h"

namespace hft {

struct EvalOptions {
  ModelOptions model;
  EvalSources data;
  std::string task, predictions, baseline, significance, format;
  std::string records, output_path, junit, summary, plots, samples;
  std::vector<std::string> least, drops, task_arguments;
  std::vector<std::string> own;  // the options that are not the task's command's too
  bool json = false, force = false, resume = false;
  int reduce_labels = -1;
  ExampleOptions examples;
  MetricOptions metrics;
  metrics::Resampling resampling{.times = 1000};
};

// Those that say how answers are compared.
void add_metric_options(Flags& flags, EvalOptions& options);
// All of hft eval.
void add_eval_options(Flags& flags, EvalOptions& options);

// What is given of the options that the task's command shares, as its arguments.
std::vector<std::string> forwarded(const Flags& flags, const EvalOptions& options);
// What is given and may change a figure, for the result.
Json flags_of_figures(const Flags& flags);

// The task of stored predictions, which hft's own records name beside them.
const EvalTask& task_of_records(const std::string& given, const std::string& file);

}  // namespace hft
