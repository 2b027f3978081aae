// The metrics of answers that are texts or tags.
#pragma once

#include "tasks/work/eval_metrics.h"

namespace hft {

// Every metric of answers that are texts, tags, choices or likelihoods.
std::vector<Metric> text_metrics(const EvalTask& task, const Examples& examples,
                                 const MetricOptions& options);

// A figure of each example, and their mean.
Metric mean_metric(const std::string& name, std::vector<double> values, bool proportion = false);

}  // namespace hft
