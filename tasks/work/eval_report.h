// The figures of an evaluation, how sure they are, and the forms they are reported in. What is
// written depends on the examples and the options alone.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/metrics/significance.h"
#include "tasks/work/eval_metrics.h"

namespace hft {

// Against an earlier evaluation, on the examples that both have.
struct Comparison {
  double baseline = 0, difference = 0;  // this one minus that
  std::optional<metrics::Interval> interval;
  std::optional<double> p_value;
  std::string test;                  // "mcnemar", "permutation", "bootstrap"
  std::optional<double> detectable;  // the smallest difference found 8 times in 10
};

struct Figure {
  std::string name;
  double value = 0;
  bool lower_is_better = false;
  metrics::Interval interval;
  std::string method;  // "wilson", "bootstrap"
  std::optional<Comparison> comparison;
};

struct Gate {
  std::string metric, wanted;  // ">= 0.9"
  double value = 0;
  bool met = false;
};

struct Report {
  Json facts;  // version, task, model, data, flags
  std::vector<Figure> figures;
  std::vector<Gate> gates;
  std::optional<LabelTable> labels;  // of labels
  std::int64_t examples = 0, failed = 0;
  bool passed() const;
};

// "accuracy=0.9" of --fail-under and --max-drop.
struct Bound {
  std::string metric;
  double value = 0;
};
Bound bound_of(const std::string& flag, const std::string& text);

Figure figure_of(const Metric& metric, std::int64_t examples, const metrics::Resampling& resampling);

// Both on the same examples; `test`: "" as fits the metric.
Comparison compare(const Metric& now, const Metric& before, std::int64_t examples,
                   const std::string& test, const metrics::Resampling& resampling);

// A figure that is not as good as the bound, or that lost more than it, fails its gate. kUsage for
// a bound on a figure that is not there, or on a difference without a baseline.
std::vector<Gate> gates_of(const std::vector<Figure>& figures, const std::vector<Bound>& least,
                           const std::vector<Bound>& drops);

Json to_json(const Report& report);
std::string to_text(const Report& report);
std::string to_markdown(const Report& report);
std::string to_junit(const Report& report);

}  // namespace hft
