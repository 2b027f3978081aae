// The metrics of hft eval: over all examples, over a part of them drawn again (for intervals), and
// of one example by itself (for paired tests).
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/metrics/classification.h"
#include "tasks/work/eval_examples.h"

namespace hft {

struct Metric {
  std::string name;
  // Of the examples with these numbers, which may repeat.
  std::function<double(std::span<const std::int64_t>)> over;
  // Of one example; empty where one alone has no figure.
  std::function<double(std::size_t)> each{};
  bool proportion = false;    // `over` is the mean of `each`, which is 0 or 1
  bool mean = false;          // `over` is the mean of `each`
  bool lower_is_better = false;
};

struct MetricOptions {
  std::vector<std::string> names;  // empty: the task's
  std::vector<std::string> gated;  // those that a gate is about: computed, asked for or not
  std::string positive;            // --positive-label: precision, recall, f1 and auroc are of it
  std::string tokenizer = "13a";   // of BLEU
  bool stemmer = false;            // of ROUGE
};

// kUsage for a metric that the task's answers do not have, or that the data lacks the means for.
std::vector<Metric> metrics_for(const EvalTask& task, const Examples& examples,
                                const MetricOptions& options);

// Before there are answers: kUsage for names that no answers of the task can have.
void check_metric_names(const EvalTask& task, const MetricOptions& options);

// What of every example counts as right or wrong in lists of examples: its prediction and the first
// reference, as text.
std::string shown_prediction(const EvalTask& task, const Example& example);
std::string shown_reference(const EvalTask& task, const Example& example);

// Labels of truth and predictions, sorted, and how often each was taken for each.
struct LabelTable {
  std::vector<std::string> labels;
  std::vector<std::int64_t> truth, predicted;  // of every example
  metrics::Confusion confusion;
};
LabelTable label_table(const Examples& examples);

// Whether each prediction is right, and its score; empty where predictions have none.
std::vector<metrics::CalibrationBin> calibration_of(const Examples& examples);

}  // namespace hft
