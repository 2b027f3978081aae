// hft train: Trainer without Python: rows of data in, a fine-tuned model out.
// Reference: transformers 4.57 (Trainer, run_glue.py, run_ner.py, run_qa.py, run_clm.py,
// run_mlm.py).
#include <algorithm>
#include <cstdio>

#include "core/base/digest.h"
#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/limits.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "core/checkpoint/config.h"
#include "core/engine.h"
#include "hub/cache_guard.h"
#include "tasks/commands.h"
#include "tasks/run/model_options.h"
#include "tasks/train/report.h"
#include "tasks/train/training.h"

namespace hft {
namespace {

struct Options {
  ModelOptions model;
  TrainingArguments arguments;
  LoraSettings lora;
  ColumnNames columns;
  std::string task, train_file, eval_file, output, resume, problem_type, logging_file;
  bool force = false, ignore_mismatched = false, from_config = false;
};

const TrainTask& task_of(const std::string& name) {
  std::vector<std::string> names;
  for (const TrainTask& task : train_tasks()) {
    if (task.name == name || task.short_name == name) return task;
    names.push_back(task.name);
  }
  fail(Errc::kUsage, "--task: '", name, "' is not one of ", joined(names, ", "));
}

// What of the data decides what is learned.
std::string digest_of_data(const TrainData& data) {
  std::string bytes;
  const auto add = [&](const auto& numbers) {
    bytes.append(reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof numbers[0]);
    bytes += '|';
  };
  for (const auto* examples : {&data.train, &data.eval}) {
    for (const TrainExample& e : *examples) {
      add(e.ids);
      add(e.type_ids);
      add(e.classes);
      add(e.targets);
    }
    bytes += '#';
  }
  return digest_of(bytes).text();
}

std::string task_type(const TrainTask& task) {
  switch (task.objective) {
    case Objective::kTokens:
      return "TOKEN_CLS";
    case Objective::kAnswers:
      return "QUESTION_ANS";
    case Objective::kCausal:
      return "CAUSAL_LM";
    case Objective::kMasked:
      return "FEATURE_EXTRACTION";
    default:
      return "SEQ_CLS";
  }
}

// The modules PEFT adapts where none are named
// (TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING).
std::vector<std::string> usual_targets(const std::string& type) {
  const std::pair<const char*, std::vector<std::string>> kUsual[] = {
      {" bert roberta xlm-roberta electra deberta ", {"query", "value"}},
      {" distilbert ", {"q_lin", "v_lin"}},
      {" deberta-v2 ", {"query_proj", "value_proj"}},
      {" gpt2 ", {"c_attn"}},
      {" llama mistral qwen2 gemma gemma2 qwen3 phi3 opt mixtral ", {"q_proj", "v_proj"}},
      {" gpt_neox pythia bloom falcon ", {"query_key_value"}}};
  for (const auto& [types, modules] : kUsual)
    if (std::string(types).find(" " + type + " ") != std::string::npos) return modules;
  fail_hint(Errc::kUsage, "--target-modules q_proj,v_proj", "--lora-r: no modules are known for '",
            type, "', name them");
}

void complete(LoraSettings& lora, const TrainTask& task, const Fields& config) {
  const bool wanted = lora.rank > 0;
  if (!wanted && (!lora.targets.empty() || !lora.trained.empty()))
    fail(Errc::kUsage, "--target-modules and --modules-to-save belong to --lora-r");
  if (!wanted) return;
  if (lora.targets.empty()) lora.targets = usual_targets(config.text("model_type", ""));
  const bool classifies =
      task.objective == Objective::kClasses || task.objective == Objective::kTokens;
  for (const char* head : {"classifier", "score", "pre_classifier", "qa_outputs"})
    if (classifies ? head != std::string("qa_outputs")
                   : task.objective == Objective::kAnswers && head == std::string("qa_outputs"))
      lora.trained.push_back(head);
}

Json adapter_config(const LoraSettings& lora, const TrainTask& task, const std::string& base,
                    bool transposed) {
  const Json none;
  return {{"alpha_pattern", Json::object()},
          {"base_model_name_or_path", base},
          {"bias", "none"},
          {"fan_in_fan_out", transposed},
          {"inference_mode", true},
          {"init_lora_weights", true},
          {"layers_pattern", none},
          {"layers_to_transform", none},
          {"lora_alpha", lora.alpha},
          {"lora_dropout", 0.0},
          {"modules_to_save", lora.trained.empty() ? none : Json(lora.trained)},
          {"peft_type", "LORA"},
          {"r", lora.rank},
          {"rank_pattern", Json::object()},
          {"revision", none},
          {"target_modules", lora.targets},
          {"task_type", task_type(task)},
          {"use_dora", false},
          {"use_rslora", lora.rank_stabilised}};
}

// Everything of one run, made step by step.
class Run {
 public:
  explicit Run(Options& o)
      : o_(o),
        task_(task_of(o.task)),
        folder_(model_folder(o.model, "",
                             o.from_config ? ModelParts::kTokenizer : ModelParts::kAll)),
        read_(read_text_config(folder_, "a model of texts")) {}

  int operator()() {
    read_data();
    complete(o_.lora, task_, read_);
    make_trainee();
    encode();
    const Plan plan = plan_of(o_.arguments, std::ssize(data_.train));
    Checkpoints checkpoints(settings(plan));
    checkpoints.prepare(!o_.resume.empty(), o_.force && o_.resume.empty());
    Training training(*trainee_, o_.arguments, plan, data_, checkpoints);
    training.log_into(o_.logging_file);
    training.at_evaluations([&](const Json& history) { write_curve(o_.output, history); });
    RunState state;
    if (!o_.resume.empty())
      if (auto found = checkpoints.resume(*trainee_, o_.resume, o_.force)) state = *found;
    tell_size(plan);
    const Json figures = training.run(state);
    finish(checkpoints, state, figures);
    return 0;
  }

 private:
  void read_data() {
    train_ = read_rows(o_.train_file, task_, o_.columns);
    if (!o_.eval_file.empty()) eval_ = read_rows(o_.eval_file, task_, o_.columns);
    data_.labels = labels_of_rows(task_, train_, read_, o_.problem_type);
  }

  void make_trainee() {
    if (read_.has("quantization_config"))
      fail(Errc::kUnsupported, folder_.string(),
           ": is quantised, wanted a model of floats to train");
    TrainRequest request;
    request.model = model_request(o_.model, folder_, Head::kFeatures);
    if (!request.model.adapters.empty())
      fail(Errc::kUnsupported, o_.model.model, ": is an adapter, wanted a whole model");
    request.config = read_.json();
    describe(request.config, task_, data_.labels);
    request.objective = data_.labels.objective;
    const TrainingArguments& a = o_.arguments;
    request.optimizer = {a.optim == "sgd" ? "sgd" : "adamw", a.adam_beta1, a.adam_beta2,
                         a.adam_epsilon, a.weight_decay};
    request.lora = o_.lora;
    request.label_smoothing = a.label_smoothing_factor;
    request.seed = static_cast<std::uint64_t>(a.seed);
    request.ignore_mismatched = o_.ignore_mismatched;
    request.from_config = o_.from_config;
    trainee_ = engine().make_trainee(request);
    for (const auto& warning : trainee_->warnings()) note(warning);
  }

  void encode() {
    const Tokenizer tokenizer = Tokenizer::load(folder_);
    const std::int64_t most =
        std::min(trainee_->max_positions(), tokenizer.model_max_length().value_or(INT64_MAX));
    const TrainingArguments& a = o_.arguments;
    const std::int64_t usual =
        task_.objective == Objective::kAnswers ? std::min<std::int64_t>(most, 384) : most;
    if (a.max_length > most || a.block_size > most)
      fail(Errc::kUsage, a.max_length > most ? "--max-length " : "--block-size ",
           std::max(a.max_length, a.block_size), ": the model takes at most ", most, " tokens");
    const Encoder encoder{tokenizer, data_.labels, a.max_length > 0 ? a.max_length : usual,
                          a.block_size > 0 ? a.block_size : std::min<std::int64_t>(most, 1024)};
    data_.train = examples_of(train_, encoder);
    if (!eval_.empty()) data_.eval = examples_of(eval_, encoder);
    if (task_.objective != Objective::kMasked) return;
    const auto mask = tokenizer.special_id("mask");
    if (!mask) fail(Errc::kUnsupported, folder_.string(), ": the tokenizer has no mask token");
    data_.masking = {a.mlm_probability, *mask, tokenizer.id_end(),
                     static_cast<std::uint64_t>(a.seed)};
  }

  Checkpoints::Settings settings(const Plan& plan) const {
    Json config = read_config_file(folder_).json();
    describe(config, task_, data_.labels);
    for (const char* stale : {"_name_or_path", "quantization_config"}) config.erase(stale);
    Json arguments = o_.arguments.json();
    arguments["task"] = task_.name;
    arguments["from_config"] = o_.from_config;
    arguments["lora_r"] = o_.lora.rank;
    arguments["lora_alpha"] = o_.lora.alpha;
    arguments["use_rslora"] = o_.lora.rank_stabilised;
    arguments["target_modules"] = o_.lora.targets;
    arguments["modules_to_save"] = o_.lora.trained;
    Checkpoints::Settings s{.output = o_.output,
                            .model = folder_,
                            .config = config,
                            .identity = {arguments, digest_of_data(data_)},
                            .plan = plan,
                            .batch_size = o_.arguments.per_device_train_batch_size,
                            .limit = o_.arguments.save_total_limit};
    if (o_.lora.rank > 0)
      s.adapter = adapter_config(
          o_.lora, task_, fs::is_directory(o_.model.model) ? folder_.string() : o_.model.model,
          read_.text("model_type", "") == "gpt2");
    return s;
  }

  void tell_size(const Plan& plan) const {
    note(counted(std::ssize(data_.train), "example") + ", " + counted(plan.steps, "step") + " in " +
         counted(plan.epochs, "epoch") + ", " + counted(trainee_->trained_numbers(), "number") +
         " of " + counted(trainee_->all_numbers(), "number") + " trained");
  }

  void finish(const Checkpoints& checkpoints, const RunState& state, const Json& figures) const {
    checkpoints.finish(*trainee_, state);
    write_reports(o_.output, {.base = o_.model.model,
                              .task = task_.name,
                              .arguments = o_.arguments,
                              .history = state.history,
                              .figures = figures});
    std::puts(to_line(figures).c_str());
  }

  Options& o_;
  const TrainTask& task_;
  fs::path folder_;
  Fields read_;  // config.json as its class reads it
  std::vector<TrainRow> train_, eval_;
  TrainData data_;
  std::unique_ptr<Trainee> trainee_;
};

int run(Options& o) {
  if (o.model.model.empty() || o.task.empty() || o.train_file.empty() || o.output.empty())
    fail(Errc::kUsage,
         "train wants a task, a model, data and a folder to write: "
         "hft train --task classify -m MODEL --train-file FILE -o DIR");
  if (o.from_config && o.lora.rank > 0)
    fail(Errc::kUsage, "--from-config: an adapter (--lora-r) wants a model that was trained");
  settle(o.arguments, !o.eval_file.empty());
  hub::refuse_cache("-o", o.output);
  return Run(o)();
}

void declare_data(Flags& flags, Options& o) {
  flags
      .add("--task", o.task,
           "text-classification (classify), token-classification (ner), question-answering (qa), "
           "text-generation (generate) or fill-mask")
      .metavar("TASK")
      .group("Data");
  flags.add("--train-file", o.train_file, "Rows to learn from: JSON lines, JSON, CSV, TSV, text")
      .metavar("FILE")
      .group("Data");
  flags.add("--eval-file,--validation-file", o.eval_file, "Rows to evaluate on")
      .metavar("FILE")
      .group("Data");
  flags.add("--text-column", o.columns.text, "Column with the text, the words or the question")
      .metavar("NAME")
      .group("Data");
  flags.add("--text-pair-column", o.columns.pair, "Column with the second text, or the context")
      .metavar("NAME")
      .group("Data");
  flags.add("--label-column", o.columns.label, "Column with the label, the tags or the answers")
      .metavar("NAME")
      .group("Data");
  flags.add("--problem-type", o.problem_type, "What labels are; else they tell")
      .one_of({"single_label_classification", "regression", "multi_label_classification"})
      .metavar("NAME")
      .group("Data");
}

void declare_output(Flags& flags, Options& o) {
  flags.add("-o,--output-dir", o.output, "Folder to write").metavar("DIR");
  flags.add("--force,--overwrite-output-dir", o.force,
            "Write into a folder that has files; resume although something differs");
  flags
      .add("--resume-from-checkpoint", o.resume,
           "Go on from this checkpoint; last: from the newest whole one")
      .metavar("DIR|last");
  flags
      .add("--logging-file", o.logging_file,
           "Write each entry of the log there too, a line of JSON")
      .metavar("FILE");
}

std::function<int()> declare(Flags& flags) {
  auto o = std::make_shared<Options>();
  flags.footer(
      "Examples:\n"
      "  hft train --task classify -m distilbert-base-uncased --train-file train.jsonl -o DIR\n"
      "  hft train --task classify -m MODEL --train-file train.jsonl --eval-file eval.jsonl -o DIR "
      "\\\n"
      "      --epochs 3 --lr 2e-5 --eval-strategy epoch --save-strategy epoch "
      "--load-best-model-at-end\n"
      "  hft train --task generate -m gpt2 --train-file text.txt --block-size 128 --lora-r 8 -o "
      "DIR\n"
      "  hft train … -o DIR --resume-from-checkpoint last    # after a stop, to the same last bit\n"
      "\n"
      "Arguments and defaults are those of TrainingArguments; dropout is not applied. stdout gets "
      "the final figures.");
  declare_output(flags, *o);
  declare_data(flags, *o);
  add_training_arguments(flags, o->arguments);
  add_lora_options(flags, o->lora);
  add_source_options(flags, o->model);
  add_variant_option(flags, o->model);
  flags
      .add("--ignore-mismatched-sizes", o->ignore_mismatched,
           "New weights where the checkpoint's head has other sizes")
      .group("Model");
  flags
      .add("--from-config", o->from_config,
           "Train from new weights: of the model only config.json and the tokenizer are read")
      .group("Model");
  add_device_options(flags, o->model);
  return [o] { return run(*o); };
}

}  // namespace

extern const Command train_command{
    "train", "Work", "Fine-tune a model: labels, tags, answers, language; whole or by LoRA",
    declare};

}  // namespace hft
