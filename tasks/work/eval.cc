// hft eval: a task on data that says what is right, or predictions that are there already, in
// figures with intervals; gates for CI. hft eval compare: two evaluations, example by example.
// Names after lm-evaluation-harness and evaluate.
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "core/base/exact_json.h"
#include "core/base/files.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "core/checkpoint/config.h"
#include "tasks/commands.h"
#include "tasks/run/list_option.h"
#include "tasks/run/output_file.h"
#include "tasks/run/resume.h"
#include "tasks/work/eval_compare.h"
#include "tasks/work/eval_plots.h"
#include "tasks/work/eval_records.h"
#include "tasks/work/eval_report.h"

namespace hft {
namespace {

struct EvalOptions {
  ModelOptions model;
  InputOptions data;
  std::string task, predictions, baseline, significance, format;
  std::string records, output_path, junit, summary, plots, samples;
  std::vector<std::string> least, drops, task_arguments;
  std::vector<std::string> own;  // the options that are not the task's command's too
  bool json = false, force = false, resume = false;
  ExampleOptions examples;
  MetricOptions metrics;
  metrics::Resampling resampling{.times = 1000};
};

void add_metric_options(Flags& flags, EvalOptions& o) {
  flags.add("--task", o.task, "What is evaluated: text-classification, question-answering, …, or a command")
      .metavar("TASK");
  add_list_option(flags, "--metric", o.metrics.names, "The figures: accuracy,f1,rougeL,bleu,…");
  add_list_option(flags, "--labels", o.examples.labels,
                  "Names of labels that the data gives as numbers, from 0 (else the model's)",
                  ListForm::kLabels);
  flags.add("--positive-label", o.metrics.positive,
            "precision, recall, f1 and auroc are of this label").metavar("LABEL");
  flags.add("--reference-column", o.examples.reference_column,
            "Data column with what is right (else label, answers, summary, … as the task has it)")
      .metavar("NAME");
  flags.add("--prediction-column", o.examples.prediction_column,
            "Column of stored predictions [output, else prediction]").metavar("NAME");
  flags.add("--extract", o.examples.extract, "The part of a generated text that is the answer: its "
            "first match of this pattern").metavar("REGEX");
  flags.add("--bleu-tokenizer", o.metrics.tokenizer, "As sacreBLEU's")
      .one_of({"13a", "none", "char", "intl", "zh"})
      .show_default();
  flags.add("--rouge-stemmer", o.metrics.stemmer, "ROUGE compares the stems of words");
  flags.add("--significance", o.significance,
            "How two evaluations are compared [as fits the metric]")
      .one_of({"mcnemar", "bootstrap", "permutation"});
  flags.add("--resamples", o.resampling.times, "Of intervals and of tests that resample")
      .metavar("N")
      .range(10, 1'000'000)
      .show_default();
  flags.add_integer("--bootstrap-seed",
                    [&o](std::int64_t n) { o.resampling.seed = static_cast<std::uint32_t>(n); },
                    "Where their chance begins")
      .metavar("N")
      .range(0, UINT32_MAX)
      .show_default("0");
}

// Options of the evaluation that change no figure.
bool of_reports(const std::string& name) {
  static const std::vector<std::string> kNames{
      "--output", "--force", "--resume", "--output-path", "--junit",   "--summary",
      "--plots",  "--samples", "--json", "--format",      "--quiet",   "--verbose",
      "--progress", "--threads", "--batch-size"};
  return std::ranges::find(kNames, name) != kNames.end();
}

// What is given of the options that the task's command shares, as its arguments.
std::vector<std::string> forwarded(const Flags& flags, const EvalOptions& o) {
  std::vector<std::string> arguments;
  if (o.force) arguments.push_back("--force");
  if (o.resume) arguments.push_back("--resume");
  for (const auto& [name, values] : flags.all_given())
    if (name != "--input" && std::ranges::find(o.own, name) == o.own.end())
      for (const std::string& value : values) arguments.push_back(name + "=" + value);
  arguments.insert(arguments.end(), o.task_arguments.begin(), o.task_arguments.end());
  return arguments;
}

// Labels that the data gives as numbers are the model's, by their names.
void take_model_labels(const fs::path& folder, EvalOptions& o) {
  if (!o.examples.labels.empty() || !fs::exists(folder / "config.json")) return;
  for (const Json& label : labels_of(read_config_file(folder)))
    o.examples.labels.push_back(label.is_string() ? label.get<std::string>() : to_line(label));
}

// The task of stored predictions, which hft's own records name beside them.
const EvalTask& task_of_records(const std::string& given, const std::string& file) {
  if (!given.empty()) return eval_task(given);
  const Json known = FingerprintFiles(file).of_file();
  if (!known.is_object())
    fail_hint(Errc::kUsage, "--task text-classification, for example",
              "--task: names what ", file, " holds the predictions of");
  return eval_task(known.value("command", ""));
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
  for (const Figure& figure : report.figures) names.names.push_back(figure.name);
  const auto now = metrics_for(task, shared.first, names),
             before = metrics_for(task, shared.second, names);
  const auto count = static_cast<std::int64_t>(shared.first.all.size());
  for (std::size_t i = 0; i < now.size(); ++i)
    report.figures[i].comparison =
        compare(now[i], before[i], count, o.significance, o.resampling);
}

void write_samples(const std::string& file, const EvalTask& task, const Examples& examples,
                   const std::vector<Metric>& metrics, bool replace) {
  check_output_file(file, replace);
  OutputFile out(file);
  for (std::size_t i = 0; i < examples.all.size(); ++i) {
    const Example& e = examples.all[i];
    Json one = Json::object();
    if (!e.id.is_null()) one["id"] = e.id;
    one["input"] = e.input;
    one["prediction"] = shown_prediction(task, e);
    one["reference"] = task.kind == AnswerKind::kTags ? Json(shown_reference(task, e)) : Json(e.references);
    for (const Metric& metric : metrics)
      if (metric.each) one["scores"][metric.name] = metric.each(i);
    out.write(exact_line(one) + "\n");
  }
  out.close();
}

void write_plots(const fs::path& folder, const Report& report, const Examples& examples) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (report.labels) write_file(folder / "confusion.svg", confusion_svg(*report.labels));
  if (const auto bins = calibration_of(examples); !bins.empty())
    write_file(folder / "calibration.svg", calibration_svg(bins));
}

void write_reports(const EvalOptions& o, const Report& report) {
  const std::string result = to_json(report).dump(1) + "\n";
  if (!o.output_path.empty()) {
    OutputFile out(o.output_path);
    out.write(result);
    out.close();
  }
  if (!o.junit.empty()) write_file(o.junit, to_junit(report));
  if (!o.summary.empty()) write_file(o.summary, to_markdown(report));
  if (const char* step = std::getenv("GITHUB_STEP_SUMMARY"); step && *step) {
    std::ofstream out(step, std::ios::app);
    out << to_markdown(report);
    if (!out) fail(Errc::kResources, "GITHUB_STEP_SUMMARY: cannot write ", step);
  }
  OutputFile out("");
  const bool text = o.format.empty() ? !o.json && isatty(STDOUT_FILENO) : o.format == "text";
  out.write(text ? to_text(report) : to_line(to_json(report)) + "\n");
  out.close();
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

// The figures a gate is about are computed, asked for or not.
void add_gated(const std::vector<Bound>& bounds, const EvalTask& task, MetricOptions& metrics) {
  if (metrics.names.empty() && !bounds.empty()) metrics.names = task.metrics;
  for (const Bound& bound : bounds)
    if (std::ranges::find(metrics.names, bound.metric) == metrics.names.end())
      metrics.names.push_back(bound.metric);
}

int evaluate(const Flags& flags, EvalOptions& o, const EvalTask& task, const fs::path& records,
             Json facts) {
  const auto least = bounds_of("--fail-under", o.least), drops = bounds_of("--max-drop", o.drops);
  const Examples examples = read_examples(records.string(), task, o.examples);
  if (examples.all.empty()) fail(Errc::kBadData, "there is no example to evaluate");
  add_gated(least, task, o.metrics);
  add_gated(drops, task, o.metrics);
  const std::vector<Metric> metrics = metrics_for(task, examples, o.metrics);
  Report report = report_of(o, task, examples, metrics);
  Json given = Json::object();
  for (const auto& [name, values] : flags.all_given())
    if (!of_reports(name)) given[name] = values;
  report.facts = std::move(facts);
  report.facts["flags"] = std::move(given);
  if (!o.task_arguments.empty()) report.facts["task_arguments"] = o.task_arguments;
  if (!o.baseline.empty()) compare_with(o, task, examples, report);
  report.gates = gates_of(report.figures, least, drops);
  if (!o.samples.empty()) write_samples(o.samples, task, examples, metrics, o.force || o.resume);
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
void check_gates(const EvalOptions& o) {
  bounds_of("--fail-under", o.least);
  if (!bounds_of("--max-drop", o.drops).empty() && o.baseline.empty())
    fail(Errc::kUsage, "--max-drop needs --baseline FILE");
  if (!o.baseline.empty() && !fs::exists(o.baseline))
    fail(Errc::kNotFound, o.baseline, ": no such file");
}

int run_eval(const Flags& flags, EvalOptions& o) {
  if (o.json && o.format == "text") fail(Errc::kUsage, "--json and --format text contradict each other");
  check_output_file(o.output_path, o.force || o.resume);
  check_gates(o);
  Json facts{{"version", HFT_VERSION}};
  if (!o.predictions.empty()) {
    if (!o.model.model.empty() || !o.data.files.empty())
      fail(Errc::kUsage, "--predictions: they are there already, -m and -i are not wanted");
    const EvalTask& task = task_of_records(o.task, o.predictions);
    facts.update({{"task", task.id},
                  {"model", model_facts("", "", o.predictions)},
                  {"data", data_facts({o.predictions})}});
    return evaluate(flags, o, task, o.predictions, std::move(facts));
  }
  if (o.task.empty()) fail(Errc::kUsage, "--task: name what is evaluated, such as text-classification");
  const EvalTask& task = eval_task(o.task);
  if (o.model.model.empty())
    fail(Errc::kUsage, "-m: name the model, or --predictions FILE with answers that are there");
  if (o.data.files.empty()) fail(Errc::kUsage, "-i: name the data, a FILE of rows");
  const ScratchFolder scratch("hft-eval");
  const fs::path records =
      o.records.empty() ? scratch.path() / "records.jsonl" : fs::path(o.records);
  o.data.columns = {{.name = "text", .source = "text", .optional = true, .kind = task.input}};
  const fs::path folder = model_folder(o.model, "", ModelParts::kTokenizer);
  const int code = write_records(
      {task, o.model, o.data, o.examples.reference_column, forwarded(flags, o)},
      records, scratch);
  if (code != 0 && code != static_cast<int>(Errc::kSomeFailed)) {
    if (o.records.empty() && code >= static_cast<int>(Errc::kInterrupted))
      note("with -o FILE an evaluation that was interrupted goes on: --resume");
    return code;
  }
  if (task.id != "zero-shot-classification") take_model_labels(folder, o);
  facts.update({{"task", task.id},
                {"model", model_facts(o.model.model, folder, records)},
                {"data", data_facts(o.data.files)}});
  return evaluate(flags, o, task, records, std::move(facts));
}

std::function<int()> declare_eval(Flags& flags) {
  auto o = std::make_shared<EvalOptions>();
  flags.footer(
      "Examples:\n"
      "  hft eval --task text-classification -m DIR -i test.jsonl --fail-under accuracy=0.9\n"
      "  hft eval --task summarization -m DIR -i test.jsonl -o records.jsonl --output-path result.json\n"
      "  hft eval --predictions records.jsonl --baseline old.jsonl --max-drop rougeL=0.01\n"
      "  hft eval --task token-classification -m DIR -i conll.jsonl --junit junit.xml --plots plots\n"
      "  hft eval --task text-classification -m DIR -i sst2.csv -- --text-column sentence\n"
      "Exit code 100: a gate was not met. A metric that is better when lower (wer, cer, ter, log_loss,\n"
      "calibration_error, mae, mse) fails --fail-under when it is above the number.");
  flags.add("ARGUMENT", o->task_arguments,
            "Behind --: further options of the task's command, as hft help COMMAND has them");
  add_metric_options(flags, *o);
  flags.add("--predictions", o->predictions, "Evaluate these records or predictions, no model")
      .metavar("FILE");
  add_list_option(flags, "--fail-under", o->least, "Fail (exit 100) when a figure is worse than x")
      .metavar("METRIC=x");
  flags.add("--baseline", o->baseline, "An earlier evaluation: its records, or its result")
      .metavar("FILE");
  add_list_option(flags, "--max-drop", o->drops,
                  "Fail (exit 100) when a figure is worse than the baseline's by more than x")
      .metavar("METRIC=x");
  flags.add("-o,--output", o->records, "Keep the task's records, one per example, in FILE")
      .metavar("FILE").group("Output");
  flags.add("--force", o->force, "Replace existing files").group("Output");
  flags.add("--resume", o->resume, "Keep the good records of -o FILE, run what is missing").group("Output");
  flags.add("--output-path", o->output_path, "The result as JSON").metavar("FILE").group("Output");
  flags.add("--samples", o->samples, "Prediction, reference and scores of each example as JSON lines")
      .metavar("FILE").group("Output");
  flags.add("--junit", o->junit, "The result as JUnit XML").metavar("FILE").group("Output");
  flags.add("--summary", o->summary,
            "The result as Markdown (appended to $GITHUB_STEP_SUMMARY where that is set)")
      .metavar("FILE").group("Output");
  flags.add("--plots", o->plots, "Draw confusion.svg and calibration.svg into DIR")
      .metavar("DIR").group("Output");
  flags.add("--json", o->json, "The result as a line of JSON on stdout").group("Output");
  flags.add("--format", o->format, "Form of the result on stdout").one_of({"text", "json"}).group("Output");
  o->own = flags.declared();
  add_data_options(flags, o->data);
  add_model_options(flags, o->model);
  return [o, flags] { return run_eval(flags, *o); };
}

int run_compare(EvalOptions& o, const std::vector<std::string>& files) {
  if (files.size() != 2)
    fail(Errc::kUsage, "eval compare: wanted two files of records, got ", files.size());
  const EvalTask& task = task_of_records(o.task, files[0]);
  const SharedExamples shared = shared_examples(read_examples(files[0], task, o.examples),
                                                read_examples(files[1], task, o.examples));
  if (shared.alone > 0)
    note(counted(shared.alone, "example") + " of one side alone are left out");
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
      return shorten(escape_controls(value.is_string() ? value.get<std::string>() : to_line(value)), 40);
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
