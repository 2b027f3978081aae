// Where the results of an evaluation go.
#pragma once

#include "tasks/work/eval_options.h"

namespace hft {

// Prediction, reference and scores of each example as JSON lines.
void write_samples(const EvalOptions& options, const EvalTask& task, const Examples& examples,
                   const std::vector<Metric>& metrics);
void write_plots(const std::string& folder, const Report& report, const Examples& examples);
// The result as JSON, JUnit and Markdown, and on stdout.
void write_reports(const EvalOptions& options, const Report& report);

}  // namespace hft
