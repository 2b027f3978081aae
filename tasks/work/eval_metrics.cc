#include "tasks/work/eval_metrics.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <numeric>
#include <set>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/metrics/ranks.h"
#include "tasks/work/eval_boxes.h"
#include "tasks/work/eval_rankings.h"
#include "tasks/work/eval_regions.h"
#include "tasks/work/eval_text_metrics.h"

namespace hft {
namespace {

using MetricChosen = std::span<const std::int64_t>;
using metrics::ClassScores;
using metrics::Scores;

// precision, recall and f1 in their averages.
struct Average {
  const char* suffix;
  Scores (*of)(const ClassScores&);
};
constexpr Average kAverages[] = {{"_macro", [](const ClassScores& s) { return s.macro; }},
                                 {"_micro", [](const ClassScores& s) { return s.micro; }},
                                 {"_weighted", [](const ClassScores& s) { return s.weighted; }}};
struct Part {
  const char* name;
  double Scores::*value;
};
constexpr Part kParts[] = {
    {"precision", &Scores::precision}, {"recall", &Scores::recall}, {"f1", &Scores::f1}};

double score_of(const Example& e, const std::string& label) {
  const auto found = std::ranges::find(e.scores, label, &std::pair<std::string, double>::first);
  return found == e.scores.end() ? 0 : found->second;
}

// Figures that come from the table of labels alone.
class LabelMetrics {
 public:
  LabelMetrics(const Examples& examples, const MetricOptions& options)
      : examples_(examples),
        positive_(options.positive),
        table_(std::make_shared<LabelTable>(label_table(examples))) {
    if (!positive_.empty() && !std::ranges::binary_search(table_->labels, positive_))
      fail(Errc::kUsage, "--positive-label: no label '", positive_, "'; there are ",
           joined(table_->labels, ", "));
  }

  std::vector<Metric> all() const {
    std::vector<Metric> list;
    const auto right = [t = table_](std::size_t i) -> double {
      return t->truth[i] == t->predicted[i];
    };
    list.push_back({"accuracy", of_confusion(metrics::accuracy), right, true, true});
    for (const Part& part : kParts) {
      list.push_back({part.name, of_counts([&part, p = positive_index()](const auto& counts) {
                        return p < 0 ? metrics::class_scores(present(counts)).macro.*part.value
                                     : metrics::scores(counts[static_cast<std::size_t>(p)]).*
                                           part.value;
                      }),
                      right});
      for (const Average& average : kAverages)
        list.push_back({std::string(part.name) + average.suffix, of_counts([&](const auto& counts) {
                          return average.of(metrics::class_scores(present(counts))).*part.value;
                        }),
                        right});
    }
    list.push_back({"matthews", of_confusion(metrics::matthews), right});
    add_probabilities(list);
    add_numbers(list);
    return list;
  }

 private:
  std::int64_t positive_index() const {
    return positive_.empty()
               ? -1
               : std::ranges::lower_bound(table_->labels, positive_) - table_->labels.begin();
  }

  template <class F>
  std::function<double(MetricChosen)> of_confusion(F f) const {
    return [t = table_, f](MetricChosen chosen) {
      metrics::Confusion c{t->confusion.classes,
                           std::vector<std::int64_t>(t->confusion.counts.size())};
      for (const auto i : chosen) {
        const auto k = static_cast<std::size_t>(i);
        ++c.counts[static_cast<std::size_t>(t->truth[k] * c.classes + t->predicted[k])];
      }
      return f(c);
    };
  }
  template <class F>
  std::function<double(MetricChosen)> of_counts(F f) const {
    return of_confusion([f](const metrics::Confusion& c) { return f(metrics::counts_of(c)); });
  }
  // A class that a resample lacks is none of its classes.
  static std::vector<metrics::Counts> present(std::vector<metrics::Counts> counts) {
    std::erase_if(counts, [](const auto& c) { return c.predicted == 0 && c.actual == 0; });
    return counts;
  }

  // Where every prediction has a score for each label.
  void add_probabilities(std::vector<Metric>& list) const {
    const auto& all = examples_.all;
    const bool whole = !all.empty() && std::ranges::all_of(all, [&](const Example& e) {
      return e.scores.size() >= 2 && e.scores.size() == all[0].scores.size();
    });
    if (!whole) return;
    auto right = std::make_shared<std::vector<double>>(),
         best = std::make_shared<std::vector<double>>(),
         positive = std::make_shared<std::vector<double>>();
    for (const Example& e : all) {
      right->push_back(score_of(e, e.references[0]));
      best->push_back(score_of(e, e.prediction));
      if (!positive_.empty()) positive->push_back(score_of(e, positive_));
    }
    const auto loss = [right](std::size_t i) {
      return metrics::log_loss(std::vector<std::int64_t>{0}, {&(*right)[i], 1});
    };
    list.push_back({"log_loss",
                    [loss](MetricChosen chosen) {
                      double sum = 0;
                      for (const auto i : chosen) sum += loss(static_cast<std::size_t>(i));
                      return sum / static_cast<double>(chosen.size());
                    },
                    loss, false, true, true});
    list.push_back({.name = "calibration_error",
                    .over =
                        [t = table_, best](MetricChosen chosen) {
                          std::vector<bool> rights;
                          std::vector<double> confidences;
                          for (const auto i : chosen) {
                            const auto k = static_cast<std::size_t>(i);
                            rights.push_back(t->truth[k] == t->predicted[k]);
                            confidences.push_back((*best)[k]);
                          }
                          return metrics::calibration_error(
                              metrics::calibration(rights, confidences));
                        },
                    .lower_is_better = true});
    if (positive_.empty()) return;
    list.push_back({.name = "auroc",
                    .over = [t = table_, positive, p = positive_index()](MetricChosen chosen) {
                      std::vector<bool> truth;
                      std::vector<double> scores;
                      for (const auto i : chosen) {
                        truth.push_back(t->truth[static_cast<std::size_t>(i)] == p);
                        scores.push_back((*positive)[static_cast<std::size_t>(i)]);
                      }
                      return metrics::auroc(truth, scores);
                    }});
  }

  // Where truth and predictions are numbers.
  void add_numbers(std::vector<Metric>& list) const {
    const bool numbers = std::ranges::all_of(
        examples_.all, [](const Example& e) { return e.number && e.right_number; });
    if (!numbers) return;
    auto got = std::make_shared<std::vector<double>>(),
         wanted = std::make_shared<std::vector<double>>();
    for (const Example& e : examples_.all) {
      got->push_back(*e.number);
      wanted->push_back(*e.right_number);
    }
    const auto over = [got, wanted](auto f) {
      return [=](MetricChosen chosen) {
        std::vector<double> x, y;
        for (const auto i : chosen) {
          x.push_back((*got)[static_cast<std::size_t>(i)]);
          y.push_back((*wanted)[static_cast<std::size_t>(i)]);
        }
        return f(x, y);
      };
    };
    const auto error = [got, wanted](std::size_t i) { return std::abs((*got)[i] - (*wanted)[i]); };
    list.push_back({"pearson", over(metrics::pearson)});
    list.push_back({"spearman", over(metrics::spearman)});
    list.push_back({"mae", over(metrics::mean_absolute_error), error, false, true, true});
    list.push_back({"mse", over(metrics::mean_squared_error),
                    [error](std::size_t i) { return error(i) * error(i); }, false, true, true});
  }

  const Examples& examples_;
  std::string positive_;
  std::shared_ptr<const LabelTable> table_;
};

// Answers that are amounts, not the numbers of classes: with fractions, or of a model of one label.
bool are_numbers(const Examples& examples) {
  const auto broken = [](double x) { return x != std::floor(x); };
  return std::ranges::any_of(examples.all,
                             [&](const Example& e) {
                               return broken(*e.right_number) ||
                                      (e.scores.empty() && broken(*e.number));
                             }) ||
         std::ranges::all_of(examples.all, [&](const Example& e) {
           return e.scores.size() == 1 && e.prediction == examples.all[0].prediction;
         });
}

std::vector<std::string> joined_names(const MetricOptions& options) {
  std::vector<std::string> names = options.names;
  names.insert(names.end(), options.gated.begin(), options.gated.end());
  return names;
}

std::vector<Metric> all_metrics(const EvalTask& task, const Examples& examples,
                                const MetricOptions& options) {
  switch (task.kind) {
    case AnswerKind::kLabels:
      return LabelMetrics(examples, options).all();
    case AnswerKind::kBoxes:
      return metrics_of_boxes(examples);
    case AnswerKind::kRegions:
      return metrics_of_regions(examples);
    case AnswerKind::kRanking:
      return metrics_of_rankings(examples, joined_names(options));
    default:
      return text_metrics(task, examples, options);
  }
}

[[noreturn]] void no_metric(const std::string& what, const std::string& name,
                            const std::vector<Metric>& all) {
  std::vector<std::string> names;
  for (const Metric& metric : all) names.push_back(metric.name);
  const auto near = nearest(name, names);
  fail(Errc::kUsage, what, joined(names, ", "), near ? "; closest: '" + *near + "'" : "");
}

}  // namespace

LabelTable label_table(const Examples& examples) {
  LabelTable table;
  std::set<std::string> names;
  for (const Example& e : examples.all) names.insert({e.prediction, e.references[0]});
  table.labels.assign(names.begin(), names.end());
  const auto place = [&](const std::string& name) {
    return std::ranges::lower_bound(table.labels, name) - table.labels.begin();
  };
  for (const Example& e : examples.all) {
    table.truth.push_back(place(e.references[0]));
    table.predicted.push_back(place(e.prediction));
  }
  table.confusion = metrics::confusion(table.truth, table.predicted,
                                       static_cast<std::int64_t>(table.labels.size()));
  return table;
}

std::vector<metrics::CalibrationBin> calibration_of(const Examples& examples) {
  std::vector<bool> right;
  std::vector<double> confidences;
  for (const Example& e : examples.all) {
    if (e.scores.size() < 2) return {};
    right.push_back(e.prediction == e.references[0]);
    confidences.push_back(score_of(e, e.prediction));
  }
  return right.empty() ? std::vector<metrics::CalibrationBin>()
                       : metrics::calibration(right, confidences);
}

std::vector<Metric> metrics_for(const EvalTask& task, const Examples& examples,
                                const MetricOptions& options) {
  const std::vector<Metric> all = all_metrics(task, examples, options);
  const bool numbers =
      task.kind == AnswerKind::kLabels && all.back().name == "mse" && are_numbers(examples);
  const bool segments = task.kind == AnswerKind::kRegions && has_segments(examples);
  const std::vector<std::string> standard = numbers
                                                ? std::vector<std::string>{"pearson", "spearman"}
                                            : segments ? std::vector<std::string>{"pq", "sq", "rq"}
                                                       : task.metrics;
  std::vector<std::string> names = options.names.empty() ? standard : options.names;
  for (const std::string& name : options.gated)
    if (std::ranges::find(names, name) == names.end()) names.push_back(name);
  std::vector<Metric> chosen;
  for (const std::string& name : names) {
    const auto found = std::ranges::find(all, name, &Metric::name);
    if (found == all.end())
      no_metric("--metric: no '" + name + "' for these answers; there is ", name, all);
    chosen.push_back(*found);
  }
  return chosen;
}

void check_metric_names(const EvalTask& task, const MetricOptions& options) {
  // With every means that any answers may have, so that every name is there.
  Example e{.prediction = "a",
            .references = {"a"},
            .tags = {"B-a"},
            .right_tags = {"B-a"},
            .scores = {{"a", 1}, {"b", 0}},
            .number = 0,
            .right_number = 0,
            .tokens = 1,
            .bytes = 1,
            .words = 1,
            .parted = true,
            .masked = true,
            .ranked = {1},
            .judged = {1}};
  e.boxes = e.right_boxes = {{.label = "a", .box = {0, 0, 1, 1}, .score = 1, .area = 1}};
  const Examples examples{.all = {e, e}};
  MetricOptions whole = options;
  whole.positive = "a";
  const std::vector<Metric> all = all_metrics(task, examples, whole);
  for (const std::string& name : joined_names(options)) {
    if (std::ranges::find(all, name, &Metric::name) == all.end())
      no_metric("--metric: " + task.id + " has no '" + name + "'; it has ", name, all);
    if (name == "auroc" && options.positive.empty())
      fail(Errc::kUsage, "--metric auroc needs --positive-label LABEL");
  }
}

std::string shown_prediction(const EvalTask& task, const Example& e) {
  if (task.kind == AnswerKind::kLikelihood) return to_line(Json(*e.number));
  return task.kind == AnswerKind::kTags ? joined(e.tags, " ") : e.prediction;
}

std::string shown_reference(const EvalTask& task, const Example& e) {
  if (task.kind == AnswerKind::kTags) return joined(e.right_tags, " ");
  return e.references.empty() ? "" : e.references[0];
}

}  // namespace hft
