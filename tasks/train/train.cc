// hft train: Trainer without Python: rows of data in, a fine-tuned model out.
// Reference: transformers 4.57 (Trainer, run_glue.py, run_ner.py, run_qa.py, run_clm.py,
// run_mlm.py).
#include <algorithm>
#include <cstdio>
#include <optional>

#include "core/base/digest.h"
#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/limits.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "core/checkpoint/companions.h"
#include "core/checkpoint/config.h"
#include "core/engine.h"
#include "hub/cache_guard.h"
#include "tasks/commands.h"
#include "tasks/run/model_options.h"
#include "tasks/train/data_file.h"
#include "tasks/train/event_file.h"
#include "tasks/train/pushing.h"
#include "tasks/train/reading.h"
#include "tasks/train/report.h"
#include "tasks/train/kinds.h"
#include "tasks/train/training.h"

namespace hft {
namespace {

struct Options {
  ModelOptions model;
  TrainingArguments arguments;
  LoraSettings lora;
  ColumnNames columns;
  ReadingOptions reading;
  PushOptions push;
  std::string task, train_file, eval_file, output, resume, problem_type, logging_file,
      report_to = "tensorboard";
  bool force = false, ignore_mismatched = false, from_config = false, no_cache = false;
};

// What of the model's folder and the arguments decides which tokens rows become.
Json origin_of_tokens(const fs::path& folder, const Options& o) {
  Json origin;
  for (const fs::path& file : companion_files(folder))
    origin["files"][file.filename().string()] =
        digest_of(read_file(file, limits::kTokenizerBytes)).text();
  origin["config"] = digest_of(read_file(folder / "config.json", limits::kJsonBytes)).text();
  const std::string& chat = o.reading.chat_template;
  origin["chats"] = {fs::is_regular_file(chat) ? read_file(chat, limits::kJsonBytes) : chat,
                     o.reading.by_turns};
  origin["prefix"] = o.reading.source_prefix;
  origin["problem"] = o.problem_type;
  origin["lengths"] = {o.arguments.max_length, o.arguments.block_size,
                       o.arguments.max_target_length};
  return origin;
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
  if (!(lora.dropout >= 0 && lora.dropout < 1))
    fail(Errc::kUsage, "--lora-dropout: is ", lora.dropout, ", wanted a number in [0, 1)");
  if (lora.targets.empty()) lora.targets = usual_targets(config.text("model_type", ""));
  lora.trained.insert(lora.trained.end(), task.heads.begin(), task.heads.end());
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
          {"lora_dropout", lora.dropout},
          {"modules_to_save", lora.trained.empty() ? none : Json(lora.trained)},
          {"peft_type", "LORA"},
          {"r", lora.rank},
          {"rank_pattern", Json::object()},
          {"revision", none},
          {"target_modules", lora.targets},
          {"task_type", task.peft_type.empty() ? none : Json(task.peft_type)},
          {"use_dora", lora.dora},
          {"use_rslora", lora.rank_stabilised}};
}

// Everything of one run, made step by step.
class Run {
 public:
  explicit Run(Options& o)
      : o_(o),
        task_(train_task(o.task)),
        folder_(model_folder(o.model, "",
                             o.from_config ? ModelParts::kTokenizer : ModelParts::kAll)),
        read_(task_.lone == Kind::kText ? read_text_config(folder_, "a model of texts")
                                        : read_config(folder_)) {}

  int operator()() {
    DataFile train = data_file(o_.train_file, "");
    data_.labels = train.labels(read_, o_.problem_type);
    std::optional<DataFile> eval;
    if (!o_.eval_file.empty()) eval.emplace(data_file(o_.eval_file, data_.labels.names)).open();
    complete(o_.lora, task_, read_);
    make_trainee();
    read_data(train, eval);
    const Plan plan = plan_of(o_.arguments, std::ssize(data_.train));
    Pushing pushing(o_.push, o_.output);
    Checkpoints checkpoints(settings(plan));
    checkpoints.prepare(!o_.resume.empty(), o_.force && o_.resume.empty());
    Training training(*trainee_, o_.arguments, plan, data_, checkpoints);
    training.log_into(o_.logging_file);
    EventFile events(o_.report_to == "tensorboard" ? o_.output : "");
    training.tell({.evaluated = [&](const Json& history) { write_curve(o_.output, history); },
                   .logged = [&](const Json& entry) { events.add(entry); },
                   .saved = [&](std::int64_t step) {
                     pushing.saved(checkpoints.folder(step), step);
                   }});
    RunState state;
    if (!o_.resume.empty())
      if (auto found = checkpoints.resume(*trainee_, o_.resume, o_.force)) state = *found;
    tell_size(plan);
    const Json figures = training.run(state);
    finish(checkpoints, state, figures);
    pushing.ended();
    return 0;
  }

 private:
  // `labels`: whose numbers the file's become, where they are not its own.
  DataFile data_file(const std::string& file, const Json& labels) const {
    Json origin = origin_of_tokens(folder_, o_);
    origin["labels"] = labels;
    return {file, task_, o_.columns, std::move(origin), !o_.no_cache};
  }

  void read_data(DataFile& train, std::optional<DataFile>& eval) {
    const Reading reading(folder_, task_, *trainee_, o_.arguments, o_.reading);
    const Encoder encoder = reading.encoder(data_.labels);
    data_.train = train.examples(encoder);
    if (eval) data_.eval = eval->examples(encoder);
    data_.masking = reading.masking();
    data_.spoken = reading.spoken();
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
    request.learner = task_.learner;
    request.objective = data_.labels.objective;
    const TrainingArguments& a = o_.arguments;
    request.optimizer = optimizer_of(a);
    request.dropout = a.dropout;
    request.neftune_alpha = a.neftune_noise_alpha;
    request.pair_scale = a.embedding_scale;
    request.bf16 = a.bf16;
    request.recompute = a.gradient_checkpointing;
    request.lora = o_.lora;
    request.label_smoothing = a.label_smoothing_factor;
    request.seed = static_cast<std::uint64_t>(a.seed);
    request.ignore_mismatched = o_.ignore_mismatched;
    request.from_config = o_.from_config;
    trainee_ = engine().make_trainee(request);
    for (const auto& warning : trainee_->warnings()) note(warning);
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
    arguments["lora_dropout"] = o_.lora.dropout;
    arguments["use_rslora"] = o_.lora.rank_stabilised;
    arguments["use_dora"] = o_.lora.dora;
    arguments["quantize"] = way_to_quantize(o_.model);
    arguments["target_modules"] = o_.lora.targets;
    arguments["modules_to_save"] = o_.lora.trained;
    Checkpoints::Settings s{.output = o_.output,
                            .model = folder_,
                            .config = config,
                            .identity = {arguments, data_.train.digest() + data_.eval.digest()},
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
  if (way_to_quantize(o.model) != "none" && o.lora.rank == 0)
    fail_hint(Errc::kUsage, "--lora-r 16 trains adapters over them",
              "--load-in-4bit and --load-in-8bit: weights in codes are not trained");
  hub::refuse_cache("-o", o.output);
  return Run(o)();
}

void declare_data(Flags& flags, Options& o) {
  std::vector<std::string> names;
  for (const TrainTask& task : train_tasks())
    names.push_back(task.name + (task.name == task.short_name ? "" : " (" + task.short_name + ")"));
  flags.add("--task", o.task, "What is learned: " + joined(names, ", "))
      .metavar("TASK")
      .group("Data");
  flags.add("--train-file", o.train_file, "Rows to learn from: JSON lines, JSON, CSV, TSV, text, or a folder of files in "
            "folders that are called as their labels")
      .metavar("FILE|DIR")
      .group("Data");
  flags.add("--eval-file,--validation-file", o.eval_file, "Rows to evaluate on")
      .metavar("FILE|DIR")
      .group("Data");
  flags
      .add("--no-cache", o.no_cache,
           "Make the tokens of large files anew, and keep none in HF_HOME/hft/tokens")
      .group("Data");
  flags.add("--text-column", o.columns.text, "Column with the text, the words, the question, the messages or the source")
      .metavar("NAME")
      .group("Data");
  flags.add("--text-pair-column", o.columns.pair, "Column with the second text, the context or the positive")
      .metavar("NAME")
      .group("Data");
  flags.add("--media-column", o.columns.media, "Column with the picture or sound: a path, URL or base64")
      .metavar("NAME")
      .group("Data");
  flags.add("--label-column", o.columns.label, "Column with the label, the tags, the answers, the target or the negative")
      .metavar("NAME")
      .group("Data");
  flags
      .add("--chat-template", o.reading.chat_template,
           "Write conversations by this template in place of the model's")
      .metavar("FILE|NAME")
      .group("Data");
  flags
      .add("--assistant-turns", o.reading.by_turns,
           "Learn an assistant's whole turns, whatever {% generation %} marks in the template")
      .group("Data");
  flags
      .add("--source-prefix", o.reading.source_prefix,
           "text2text-generation: put before each text that is read")
      .metavar("TEXT")
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
  flags
      .add("--report-to", o.report_to,
           "Event files below DIR/runs, which TensorBoard reads, or none")
      .one_of({"tensorboard", "none"})
      .metavar("NAME")
      .show_default();
  add_push_options(flags, o.push);
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
      "  hft train --task image-classify -m google/vit-base-patch16-224-in21k --train-file photos/ "
      "-o DIR\n"
      "  hft train --task generate -m gpt2 --train-file text.txt --block-size 128 --lora-r 8 -o "
      "DIR\n"
      "  hft train … -o DIR --resume-from-checkpoint last    # after a stop, to the same last bit\n"
      "\n"
      "Arguments and defaults are those of TrainingArguments; dropout is config.json's. stdout gets "
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
  add_bits_options(flags, o->model);
  add_device_options(flags, o->model);
  return [o] { return run(*o); };
}

}  // namespace

extern const Command train_command{
    "train", "Work", "Fine-tune a model: labels, tags, answers, language; whole or by LoRA",
    declare};

}  // namespace hft
