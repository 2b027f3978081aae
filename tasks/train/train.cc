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
#include "core/base/progress.h"
#include "core/base/text.h"
#include "core/checkpoint/companions.h"
#include "core/checkpoint/config.h"
#include "core/engine.h"
#include "core/ranks/launch.h"
#include "core/ranks/ranks.h"
#include "hub/cache_guard.h"
#include "tasks/commands.h"
#include "tasks/train/data_file.h"
#include "tasks/train/event_file.h"
#include "tasks/train/kinds.h"
#include "tasks/train/report.h"
#include "tasks/train/train_options.h"
#include "tasks/train/training.h"

namespace hft {
namespace {

// What of the model's folder and the arguments decides which tokens rows become.
Json origin_of_tokens(const fs::path& folder, const TrainOptions& o) {
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
  Run(TrainOptions& o, const Launch& launch)
      : o_(o),
        launch_(launch),
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
    const Plan plan = plan_of(o_.arguments, std::ssize(data_.train), launch_.size);
    const bool is_first = launch_.rank == 0;
    Pushing pushing(is_first ? o_.push : PushOptions(), o_.output);
    Checkpoints checkpoints(settings(plan));
    meet(checkpoints);
    on_first(*ranks_, [&] {
      checkpoints.prepare(!o_.resume.empty(), o_.force && o_.resume.empty());
    });
    Training training({*ranks_, *trainee_, o_.arguments, plan, data_, checkpoints});
    EventFile events(is_first && o_.report_to == "tensorboard" ? o_.output : "");
    if (is_first) {
      training.log_into(o_.logging_file);
      training.tell({.evaluated = [&](const Json& history) { write_curve(o_.output, history); },
                     .logged = [&](const Json& entry) { events.add(entry); },
                     .saved = [&](std::int64_t step) {
                       pushing.saved(checkpoints.folder(step), step);
                     }});
    }
    RunState state = resumed(checkpoints);
    tell_size(plan);
    const Json figures = training.run(state);
    on_first(*ranks_, [&] { finish(checkpoints, state, figures); });
    if (is_first) pushing.ended();
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

  // The other processes, which must do the same.
  void meet(const Checkpoints& checkpoints) {
    if (launch_.size == 1) return;
    ranks_ = engine().meet_ranks(launch_, std::chrono::seconds(o_.ddp_timeout));
    const std::string first = ranks_->broadcast(to_line(checkpoints.identity()), 0);
    const auto differences = checkpoints.differences(parse_json(first, "what rank 0 does"));
    if (!differences.empty())
      fail(Errc::kUsage, "another run than that of rank 0: ", joined(differences, "; "));
    constexpr double kMegabyte = 1 << 20;
    trainee_->join(*ranks_, {.bucket_bytes = static_cast<std::int64_t>(
                                 o_.arguments.ddp_bucket_cap_mb * kMegabyte),
                             .shards_optimizer = o_.arguments.zero_stage == 1});
  }

  RunState resumed(const Checkpoints& checkpoints) {
    RunState state;
    if (o_.resume.empty()) return state;
    if (auto found = checkpoints.resume(*trainee_, o_.resume, o_.force)) state = *found;
    const std::string first = ranks_->broadcast(std::to_string(state.step), 0);
    if (first != std::to_string(state.step))
      fail_hint(Errc::kUsage, "all processes read and write one folder: a file system they share",
                o_.output, ": rank 0 goes on from step ", first, ", this process from step ",
                state.step);
    return state;
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
    arguments["world_size"] = launch_.size;
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
                              .figures = figures,
                              .processes = launch_.size});
    std::puts(to_line(figures).c_str());
  }

  TrainOptions& o_;
  const Launch launch_;
  const TrainTask& task_;
  fs::path folder_;
  Fields read_;  // config.json as its class reads it
  TrainData data_;
  std::unique_ptr<Trainee> trainee_;
  std::unique_ptr<Ranks> ranks_ = alone();  // ends first: what is under way is the trainee's
};

// One of several processes; the first one speaks.
int run_one(TrainOptions& o, const Launch& launch) {
  if (launch.rank == 0) return Run(o, launch)();
  set_verbosity(Verbosity::kQuiet);
  set_progress_style(ProgressStyle::kNone);
  try {
    return Run(o, launch)();
  } catch (const FirstFailed& e) {
    return static_cast<int>(e.code);
  } catch (const Error& e) {
    throw e.in("rank " + std::to_string(launch.rank));
  }
}

int run(TrainOptions& o) {
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
  return run_one(o, launched());
}

std::function<int()> declare(Flags& flags) {
  auto o = std::make_shared<TrainOptions>();
  add_train_options(flags, *o);
  return [o] { return run(*o); };
}

}  // namespace

extern const Command train_command{
    "train", "Work", "Fine-tune a model: labels, tags, answers, language; whole or by LoRA",
    declare};

}  // namespace hft
