// The metrics of answers that are texts or tags.
#pragma once

#include "tasks/work/eval_metrics.h"

namespace hft {

// Every metric that the task's answers have.
std::vector<Metric> text_metrics(const EvalTask& task, const Examples& examples,
                                 const MetricOptions& options);

}  // namespace hft
