// hft eval: a task on data that says what is right, or predictions that are there already, in
// figures with intervals; gates for CI. hft eval compare: two evaluations, example by example.
// Names after lm-evaluation-harness and evaluate.
#include <unistd.h>

#include <algorithm>

#include "core/base/error.h"
#include "core/base/exact_json.h"
#include "core/base/files.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "core/checkpoint/config.h"
#include "core/checkpoint/sentence_folder.h"
#include "tasks/commands.h"
#include "tasks/run/data_set.h"
#include "tasks/run/output_file.h"
#include "tasks/work/eval_compare.h"
#include "tasks/work/eval_outputs.h"
#include "tasks/work/eval_records.h"

namespace hft {
namespace {

// Labels that the data gives as numbers are the model's, by their names.
void take_model_labels(const fs::path& folder, EvalOptions& o) {
  if (!o.examples.labels.empty() || !fs::exists(folder / "config.json")) return;
  for (const Json& label : labels_of(read_config_file(folder)))
    o.examples.labels.push_back(label.is_string() ? label.get<std::string>() : to_line(label));
}

bool reduces_labels(const fs::path& folder, int asked) {
  return asked >= 0 ? asked == 1
                    : optional_fields(folder / "preprocessor_config.json")
                          .boolean("do_reduce_labels", false);
}

void compare_with(const EvalOptions& o, const EvalTask& task, const Examples& examples,
                  Report& report) {
  Json whole;
  try {
    whole = read_json(o.baseline);
  } catch (const Error& e) {
    if (e.code == Errc::kNotFound) throw;
  }
  if (whole.is_object() && whole.contains("metrics")) {
    for (Figure& figure : report.figures) {
      const Json& known = whole["metrics"].value(figure.name, Json::object());
      if (!known.contains("value") || !known["value"].is_number()) continue;
      const double value = known["value"];
      figure.comparison = Comparison{value, figure.value - value};
    }
    return;
  }
  const SharedExamples shared =
      shared_examples(examples, read_examples(o.baseline, task, o.examples));
  if (shared.alone > 0)
    note("--baseline: " + counted(shared.alone, "example") +
         " of one side alone are left out of the comparison");
  MetricOptions names = o.metrics;
  names.names.clear();
  names.gated.clear();
  for (const Figure& figure : report.figures) names.names.push_back(figure.name);
  const auto now = metrics_for(task, shared.first, names),
             before = metrics_for(task, shared.second, names);
  const auto count = static_cast<std::int64_t>(shared.first.all.size());
  for (std::size_t i = 0; i < now.size(); ++i)
    report.figures[i].comparison = compare(now[i], before[i], count, o.significance, o.resampling);
}

Report report_of(const EvalOptions& o, const EvalTask& task, const Examples& examples,
                 const std::vector<Metric>& metrics) {
  Report report;
  report.examples = static_cast<std::int64_t>(examples.all.size());
  report.failed = examples.failed;
  for (const Metric& metric : metrics)
    report.figures.push_back(figure_of(metric, report.examples, o.resampling));
  const bool numbers = std::ranges::any_of(
      metrics, [](const Metric& m) { return m.name == "pearson" || m.name == "spearman"; });
  if (task.kind == AnswerKind::kLabels && !numbers) report.labels = label_table(examples);
  return report;
}

std::vector<Bound> bounds_of(const std::string& flag, const std::vector<std::string>& texts) {
  std::vector<Bound> bounds;
  for (const std::string& text : texts) bounds.push_back(bound_of(flag, text));
  return bounds;
}

int evaluate(const Flags& flags, EvalOptions& o, const EvalTask& task, const fs::path& records,
             Json facts) {
  const auto least = bounds_of("--fail-under", o.least), drops = bounds_of("--max-drop", o.drops);
  const Examples examples = read_examples(records.string(), task, o.examples);
  if (examples.all.empty()) fail(Errc::kBadData, "there is no example to evaluate");
  const std::vector<Metric> metrics = metrics_for(task, examples, o.metrics);
  Report report = report_of(o, task, examples, metrics);
  report.facts = std::move(facts);
  report.facts["flags"] = flags_of_figures(flags);
  if (!o.task_arguments.empty()) report.facts["task_arguments"] = o.task_arguments;
  if (!o.baseline.empty()) compare_with(o, task, examples, report);
  report.gates = gates_of(report.figures, least, drops);
  if (!o.samples.empty()) write_samples(o, task, examples, metrics);
  if (!o.plots.empty()) write_plots(o.plots, report, examples);
  write_reports(o, report);
  for (const Gate& gate : report.gates)
    if (!gate.met)
      report_error("gate not met: " + gate.metric + " is " + to_line(Json(gate.value)) +
                   ", wanted: " + gate.wanted);
  if (!report.passed()) return static_cast<int>(Errc::kGateNotMet);
  return report.failed > 0 ? static_cast<int>(Errc::kSomeFailed) : 0;
}

// Before anything is computed.
void check(EvalOptions& o, const EvalTask& task) {
  if (o.json && o.format == "text")
    fail(Errc::kUsage, "--json and --format text contradict each other");
  const bool replace = o.force || o.resume;
  for (const std::string* file : {&o.output_path, &o.samples, &o.records})
    check_output_file(*file, replace);
  for (const std::string* file : {&o.junit, &o.summary}) check_output_file(*file, true);
  if (!o.plots.empty() && fs::exists(o.plots) && !fs::is_directory(o.plots))
    fail(Errc::kUsage, "--plots: ", o.plots, " is a file, wanted a folder");
  const auto least = bounds_of("--fail-under", o.least), drops = bounds_of("--max-drop", o.drops);
  if (!drops.empty() && o.baseline.empty()) fail(Errc::kUsage, "--max-drop needs --baseline FILE");
  for (const std::string* file :
       {&o.baseline, &o.predictions, &o.data.corpus, &o.data.qrels, &o.data.candidates})
    if (!file->empty() && *file != "-" && !fs::exists(*file))
      fail(Errc::kNotFound, *file, ": no such file");
  for (const std::string& file : o.data.rows.files)
    if (file != "-" && !is_hub_data(file) && !fs::exists(file))
      fail(Errc::kNotFound, file, ": no such file");
  for (const auto* bounds : {&least, &drops})
    for (const Bound& bound : *bounds) o.metrics.gated.push_back(bound.metric);
  check_metric_names(task, o.metrics);
}

// The files that the figures come from.
std::vector<std::string> data_files(const EvalOptions& o) {
  std::vector<std::string> all = o.data.rows.files;
  for (const std::string* one : {&o.predictions, &o.data.corpus, &o.data.qrels, &o.data.candidates})
    if (!one->empty()) all.push_back(*one);
  return all;
}

int run_stored(const Flags& flags, EvalOptions& o) {
  if (!o.model.model.empty())
    fail(Errc::kUsage, "--predictions: they are there already, -m is not wanted");
  const EvalTask& task = task_of_records(o.task, o.predictions);
  check(o, task);
  const ScratchFolder scratch("hft-eval");
  if (!o.data.rows.files.empty()) {
    const EvalData data = eval_data(task, o.data, scratch);
    o.examples.truth_files = data.files;
    o.examples.categories = data.categories;
  }
  o.examples.reduce_labels = o.reduce_labels == 1;
  return evaluate(flags, o, task, o.predictions,
                  {{"version", HFT_VERSION},
                   {"task", task.id},
                   {"model", model_facts("", "", o.predictions)},
                   {"data", data_facts(data_files(o))}});
}

int run_eval(const Flags& flags, EvalOptions& o) {
  if (!o.predictions.empty()) return run_stored(flags, o);
  if (o.task.empty())
    fail(Errc::kUsage, "--task: name what is evaluated, such as text-classification");
  const EvalTask& task = eval_task(o.task);
  if (o.model.model.empty())
    fail(Errc::kUsage, "-m: name the model, or --predictions FILE with answers that are there");
  if (o.data.rows.files.empty()) fail(Errc::kUsage, "-i: name the data, a FILE of rows");
  check(o, task);
  const ScratchFolder scratch("hft-eval");
  o.data.reference_column = o.examples.reference_column;
  const EvalData data = eval_data(task, o.data, scratch);
  o.examples.categories = data.categories;
  const fs::path folder = model_folder(o.model, "", ModelParts::kTokenizer);
  const fs::path records =
      o.records.empty() ? scratch.path() / "records.jsonl" : fs::path(o.records);
  const int code = write_records({task, data, forwarded(flags, o), folder}, records);
  if (code != 0 && code != static_cast<int>(Errc::kSomeFailed)) {
    if (o.records.empty() && code >= static_cast<int>(Errc::kInterrupted))
      note("with -o FILE an evaluation that was interrupted goes on: --resume");
    return code;
  }
  if (task.id != "zero-shot-classification") take_model_labels(folder, o);
  o.examples.reduce_labels = reduces_labels(folder, o.reduce_labels);
  return evaluate(flags, o, task, records,
                  {{"version", HFT_VERSION},
                   {"task", task.id},
                   {"model", model_facts(o.model.model, folder, records)},
                   {"data", data_facts(data_files(o))}});
}

std::function<int()> declare_eval(Flags& flags) {
  auto o = std::make_shared<EvalOptions>();
  add_eval_options(flags, *o);
  o->own = flags.declared();
  add_data_options(flags, o->data.rows);
  add_model_options(flags, o->model);
  return [o, flags] { return run_eval(flags, *o); };
}

int run_compare(EvalOptions& o, const std::vector<std::string>& files) {
  if (files.size() != 2)
    fail(Errc::kUsage, "eval compare: wanted two files of records, got ", files.size());
  const EvalTask& task = task_of_records(o.task, files[0]);
  const SharedExamples shared = shared_examples(read_examples(files[0], task, o.examples),
                                                read_examples(files[1], task, o.examples));
  if (shared.alone > 0) note(counted(shared.alone, "example") + " of one side alone are left out");
  const auto first = metrics_for(task, shared.first, o.metrics),
             second = metrics_for(task, shared.second, o.metrics);
  const auto count = static_cast<std::int64_t>(shared.first.all.size());
  Report report{.facts = {{"task", task.id}}, .examples = count};
  for (std::size_t i = 0; i < first.size(); ++i) {
    report.figures.push_back(figure_of(second[i], count, o.resampling));
    report.figures.back().comparison =
        compare(second[i], first[i], count, o.significance, o.resampling);
  }
  const bool text = !o.json && isatty(STDOUT_FILENO);
  OutputFile out("");
  for (const Json& one : flipped(task, shared, first, second)) {
    if (!text) {
      out.write(exact_line(one) + "\n");
      continue;
    }
    const auto cell = [&](const char* name) {
      const Json& value = one[name];
      return shorten(escape_controls(value.is_string() ? value.get<std::string>() : to_line(value)),
                     40);
    };
    out.write((one["change"] == "gained" ? "+ " : "- ") + cell("first") + " -> " + cell("second") +
              "  (" + cell("reference") + ")  " + cell("input") + "\n");
  }
  out.close();
  for (const std::string& line : split(to_text(report), '\n'))
    if (!line.empty()) note(line);
  return 0;
}

std::function<int()> declare_compare(Flags& flags) {
  auto o = std::make_shared<EvalOptions>();
  auto files = std::make_shared<std::vector<std::string>>();
  flags.footer(
      "Examples:\n"
      "  hft eval compare before.jsonl after.jsonl\n"
      "  hft eval compare before.jsonl after.jsonl --json | jq 'select(.change == \"lost\")'");
  flags.add("FILE", *files, "Two files of records (hft eval -o), the earlier one first");
  add_metric_options(flags, *o);
  flags.add("--json", o->json, "The flipped examples as JSON lines").group("Output");
  return [o, files] { return run_compare(*o, *files); };
}

}  // namespace

extern const Command eval_command{
    "eval", "Work", "Evaluate a task on labelled data, or stored predictions; gates for CI",
    declare_eval};
extern const Command eval_compare_command{
    "eval compare", "Work", "List the examples that two evaluations answered differently",
    declare_compare};

}  // namespace hft
