#include "tasks/work/eval_options.h"

#include <algorithm>

#include "core/base/error.h"
#include "tasks/run/list_option.h"
#include "tasks/run/resume.h"

namespace hft {
namespace {

// Options of the evaluation that change no figure.
bool of_reports(const std::string& name) {
  static const std::vector<std::string> kNames{
      "--output",  "--force",   "--resume",   "--output-path", "--junit",
      "--summary", "--plots",   "--samples",  "--json",        "--format",
      "--quiet",   "--verbose", "--progress", "--threads",     "--batch-size"};
  return std::ranges::find(kNames, name) != kNames.end();
}

}  // namespace

void add_metric_options(Flags& flags, EvalOptions& o) {
  flags
      .add("--task", o.task,
           "What is evaluated: text-classification, question-answering, …, or a command")
      .metavar("TASK");
  add_list_option(flags, "--metric", o.metrics.names, "The figures: accuracy,f1,rougeL,bleu,…");
  add_list_option(flags, "--labels", o.examples.labels,
                  "Names of labels that the data gives as numbers, from 0 (else the model's)",
                  ListForm::kLabels);
  flags
      .add("--ignore-index", o.examples.ignored,
           "Pixels of this number in the data count for nothing")
      .metavar("N")
      .range(-1, 16'777'216)
      .show_default();
  flags.add(
      "--reduce-labels", [&o] { o.reduce_labels = 1; },
      "Pixels of 0 in the data have no label, the other labels are one less; default: as the "
      "model's "
      "processor says");
  flags.add(
      "--no-reduce-labels", [&o] { o.reduce_labels = 0; }, "Numbers of pixels are as they are");
  flags
      .add("--positive-label", o.metrics.positive,
           "precision, recall, f1 and auroc are of this label")
      .metavar("LABEL");
  flags
      .add("--reference-column", o.examples.reference_column,
           "Data column with what is right (else label, answers, summary, … as the task has it)")
      .metavar("NAME");
  flags
      .add("--prediction-column", o.examples.prediction_column,
           "Column of stored predictions [output, else prediction]")
      .metavar("NAME");
  flags
      .add("--extract", o.examples.extract,
           "The part of a generated text that is the answer: its "
           "first match of this pattern")
      .metavar("REGEX");
  flags.add("--bleu-tokenizer", o.metrics.tokenizer, "As sacreBLEU's")
      .one_of({"13a", "none", "char", "intl", "zh"})
      .show_default();
  flags.add("--rouge-stemmer", o.metrics.stemmer, "ROUGE compares the stems of words");
  flags
      .add("--significance", o.significance,
           "How two evaluations are compared [as fits the metric]")
      .one_of({"mcnemar", "bootstrap", "permutation"});
  flags.add("--resamples", o.resampling.times, "Of intervals and of tests that resample")
      .metavar("N")
      .range(10, 1'000'000)
      .show_default();
  flags
      .add_integer(
          "--bootstrap-seed",
          [&o](std::int64_t n) { o.resampling.seed = static_cast<std::uint32_t>(n); },
          "Where their chance begins")
      .metavar("N")
      .range(0, UINT32_MAX)
      .show_default("0");
}

void add_eval_options(Flags& flags, EvalOptions& o) {
  flags.footer(
      "Examples:\n"
      "  hft eval --task text-classification -m DIR -i test.jsonl --fail-under accuracy=0.9\n"
      "  hft eval --task summarization -m DIR -i test.jsonl -o records.jsonl --output-path "
      "result.json\n"
      "  hft eval --predictions records.jsonl --baseline old.jsonl --max-drop rougeL=0.01\n"
      "  hft eval --task token-classification -m DIR -i conll.jsonl --junit junit.xml --plots "
      "plots\n"
      "  hft eval --task text-classification -m DIR -i sst2.csv -- --text-column sentence\n"
      "  hft eval --task object-detection -m DIR -i instances_val2017.json --image-folder val2017\n"
      "  hft eval --task object-detection --predictions results.json -i instances_val2017.json\n"
      "  hft eval --task embed -m DIR -i scifact/ -o ranks.jsonl\n"
      "Exit code 100: a gate was not met. A metric that is better when lower (wer, cer, ter, "
      "log_loss,\n"
      "calibration_error, mae, mse) fails --fail-under when it is above the number.");
  flags.add("ARGUMENT", o.task_arguments,
            "Behind --: further options of the task's command, as hft help COMMAND has them");
  add_metric_options(flags, o);
  flags
      .add("--predictions", o.predictions,
           "Evaluate these records or predictions, no model; -i FILE: what is right, where they do "
           "not "
           "hold it (joined by id)")
      .metavar("FILE");
  flags
      .add("--image-folder", o.data.image_folder,
           "The pictures of COCO's JSON lie here [beside it]")
      .metavar("DIR");
  flags
      .add("--corpus", o.data.corpus,
           "The documents of a retrieval [corpus.jsonl in the folder of -i]")
      .metavar("FILE");
  flags
      .add("--qrels", o.data.qrels,
           "Which documents answer which queries [qrels/test.tsv in the folder of -i]")
      .metavar("FILE");
  flags
      .add("--candidates", o.data.candidates,
           "Records of an earlier ranking: rerank takes the 100 best of each query [all documents]")
      .metavar("FILE");
  add_list_option(flags, "--fail-under", o.least, "Fail (exit 100) when a figure is worse than x")
      .metavar("METRIC=x");
  flags.add("--baseline", o.baseline, "An earlier evaluation: its records, or its result")
      .metavar("FILE");
  add_list_option(flags, "--max-drop", o.drops,
                  "Fail (exit 100) when a figure is worse than the baseline's by more than x")
      .metavar("METRIC=x");
  flags.add("-o,--output", o.records, "Keep the task's records, one per example, in FILE")
      .metavar("FILE")
      .group("Output");
  flags.add("--force", o.force, "Replace existing files").group("Output");
  flags.add("--resume", o.resume, "Keep the good records of -o FILE, run what is missing")
      .group("Output");
  flags.add("--output-path", o.output_path, "The result as JSON").metavar("FILE").group("Output");
  flags
      .add("--samples", o.samples, "Prediction, reference and scores of each example as JSON lines")
      .metavar("FILE")
      .group("Output");
  flags.add("--junit", o.junit, "The result as JUnit XML").metavar("FILE").group("Output");
  flags
      .add("--summary", o.summary,
           "The result as Markdown (appended to $GITHUB_STEP_SUMMARY where that is set)")
      .metavar("FILE")
      .group("Output");
  flags
      .add("--plots", o.plots,
           "Draw the confusion of labels and the calibration into DIR, as SVG and PNG")
      .metavar("DIR")
      .group("Output");
  flags.add("--json", o.json, "The result as a line of JSON on stdout").group("Output");
  flags.add("--format", o.format, "Form of the result on stdout")
      .one_of({"text", "json"})
      .group("Output");
}

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

Json flags_of_figures(const Flags& flags) {
  Json given = Json::object();
  for (const auto& [name, values] : flags.all_given())
    if (!of_reports(name)) given[name] = values;
  return given;
}

const EvalTask& task_of_records(const std::string& given, const std::string& file) {
  if (!given.empty()) return eval_task(given);
  const Json known = FingerprintFiles(file).of_file();
  if (!known.is_object())
    fail_hint(Errc::kUsage, "--task text-classification, for example", "--task: names what ", file,
              " holds the predictions of");
  return eval_task(known.value("command", ""));
}

}  // namespace hft
