#include "tasks/train/arguments.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "core/base/error.h"
#include "core/base/text.h"
#include "tasks/run/list_option.h"
#include "tasks/train/schedule.h"

namespace hft {
namespace {

std::string dashed(std::string name) {
  std::ranges::replace(name, '_', '-');
  return name;
}

std::string default_text(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", value);
  return text;
}

// Declares one argument after another under a heading, and remembers how each is told.
class Declaring {
 public:
  Declaring(Flags& flags, TrainingArguments& arguments) : flags_(flags), a_(arguments) {}

  void under(const std::string& heading) { heading_ = heading; }
  void number(const std::string& name, double& to, const std::string& help,
              const std::string& twin = "") {
    flags_
        .add_number(
            twin + "--" + dashed(name), [&to](double value) { to = value; }, help)
        .metavar("X")
        .show_default(default_text(to))
        .group(heading_);
    a_.values.emplace_back(name, [&to] { return Json(to); });
  }
  void count(const std::string& name, std::int64_t& to, std::int64_t least,
             const std::string& help, std::int64_t most = 1'000'000'000'000) {
    Flag flag = flags_.add("--" + dashed(name), to, help);
    flag.metavar("N").range(least, most).group(heading_);
    if (to > 0) flag.show_default();
    a_.values.emplace_back(name, [&to] { return Json(to); });
  }
  void word(const std::string& name, std::string& to, const std::vector<std::string>& of,
            const std::string& help) {
    Flag flag = flags_.add("--" + dashed(name), to, help);
    flag.metavar(of.empty() ? "TEXT" : "NAME").group(heading_);
    if (!of.empty()) flag.one_of(of);
    if (!to.empty()) flag.show_default();
    a_.values.emplace_back(name, [&to] { return Json(to); });
  }
  void yes(const std::string& name, bool& to, const std::string& help) {
    flags_.add("--" + dashed(name), to, help).group(heading_);
    a_.values.emplace_back(name, [&to] { return Json(to); });
  }

 private:
  Flags& flags_;
  TrainingArguments& a_;
  std::string heading_;
};

const std::vector<std::string> kStrategies{"no", "steps", "epoch"};

constexpr std::pair<const char*, const char*> kOptimizerNames[] = {
    {"adamw_torch_fused", "adamw"}, {"adamw_torch", "adamw"},    {"adamw_8bit", "adamw_8bit"},
    {"adamw_bnb_8bit", "adamw_8bit"}, {"adafactor", "adafactor"}, {"sgd", "sgd"},
    {"adagrad", "adagrad"},         {"rmsprop", "rmsprop"}};

void declare_steps(Declaring& d, TrainingArguments& a) {
  d.under("Steps");
  d.number("num_train_epochs", a.num_train_epochs, "How often all examples are seen", "--epochs,");
  d.count("max_steps", a.max_steps, -1, "Stop after N steps, however many epochs that is");
  d.count("per_device_train_batch_size", a.per_device_train_batch_size, 1, "Examples of a batch");
  d.count("per_device_eval_batch_size", a.per_device_eval_batch_size, 1,
          "Examples of a batch of evaluation");
  d.count("gradient_accumulation_steps", a.gradient_accumulation_steps, 1,
          "Batches whose gradients make one step");
  d.yes("group_by_length", a.group_by_length, "Put examples of about one length into a batch");
  d.yes("dataloader_drop_last", a.dataloader_drop_last, "Leave out an epoch's last, smaller batch");
  d.count("seed", a.seed, 0, "Seed of new weights and of the order of examples");
  d.count("data_seed", a.data_seed, -1, "Seed of the order of examples, where it is another");
}

void declare_optimizer(Declaring& d, TrainingArguments& a) {
  d.under("Optimizer");
  d.number("learning_rate", a.learning_rate, "The highest learning rate", "--lr,");
  d.word("lr_scheduler_type", a.lr_scheduler_type, schedule_types(),
         "How the learning rate falls once it is warm");
  d.word("lr_scheduler_kwargs", a.lr_scheduler_kwargs, {}, "More about it: a JSON object");
  d.number("warmup_steps", a.warmup_steps, "Steps in which the learning rate rises from 0");
  d.number("warmup_ratio", a.warmup_ratio, "The same as a part of all steps");
  std::vector<std::string> optimizers;
  for (const auto& [name, kind] : kOptimizerNames) optimizers.emplace_back(name);
  d.word("optim", a.optim, optimizers, "How a step follows from gradients");
  d.word("optim_args", a.optim_args, {}, "More about it: momentum=0.9 of sgd");
  d.number("weight_decay", a.weight_decay, "Decay of weights, biases and norms excepted");
  d.number("adam_beta1", a.adam_beta1, "AdamW: decay of the mean of gradients");
  d.number("adam_beta2", a.adam_beta2, "AdamW: decay of the mean of their squares");
  d.number("adam_epsilon", a.adam_epsilon, "AdamW: what keeps quotients finite");
  d.number("max_grad_norm", a.max_grad_norm, "Cut longer gradients to this norm; 0: never");
  d.yes("bf16", a.bf16, "Compute products in bfloat16; weights stay in float32");
  d.yes("gradient_checkpointing", a.gradient_checkpointing,
        "Compute layers once more for their gradients, to save memory");
  d.number("dropout", a.dropout, "Dropout of all layers, in place of what config.json says");
  d.number("neftune_noise_alpha", a.neftune_noise_alpha,
           "Noise of embeddings (NEFTune), 5 as a rule; 0: none");
  d.number("label_smoothing_factor", a.label_smoothing_factor,
           "Part of each label that is shared out over all labels");
}

void declare_processes(Declaring& d, TrainingArguments& a) {
  d.under("Several processes");
  d.count("zero_stage", a.zero_stage, 0,
          "1: each process remembers a part of the optimizer's state (ZeRO); 0: all of it", 1);
  d.number("ddp_bucket_cap_mb", a.ddp_bucket_cap_mb, "Gradients that are sent together, in MB");
}

void declare_strategies(Declaring& d, TrainingArguments& a) {
  d.under("Logs, evaluation, checkpoints");
  d.word("logging_strategy", a.logging_strategy, kStrategies, "When the loss is logged");
  d.number("logging_steps", a.logging_steps, "Log every N steps; below 1: a part of all steps");
  d.yes("logging_first_step", a.logging_first_step, "Log the first step too");
  d.word("eval_strategy", a.eval_strategy, kStrategies, "When the model is evaluated");
  d.number("eval_steps", a.eval_steps, "Evaluate every N steps; 0: as often as is logged");
  d.yes("eval_on_start", a.eval_on_start, "Evaluate before the first step");
  d.word("save_strategy", a.save_strategy, {"no", "steps", "epoch", "best"},
         "When a checkpoint is saved; best: at each evaluation better than all before");
  d.number("save_steps", a.save_steps, "Save every N steps; below 1: a part of all steps");
  d.count("save_total_limit", a.save_total_limit, 1,
          "Keep at most N checkpoints; the best one and the last stay");
  d.yes("load_best_model_at_end", a.load_best_model_at_end,
        "End with the best checkpoint's weights");
  d.word("metric_for_best_model", a.metric_for_best_model, {},
         "What is best: loss, accuracy, f1 …");
  d.word("greater_is_better", a.greater_is_better, {"true", "false"},
         "Whether more of it is better; else its name tells");
  d.count("early_stopping_patience", a.early_stopping_patience, 1,
          "Stop after N evaluations that were no better");
  d.number("early_stopping_threshold", a.early_stopping_threshold,
           "By how much an evaluation must be better");
}

void declare_data(Declaring& d, TrainingArguments& a) {
  d.under("Data");
  d.count("max_length", a.max_length, 1,
          "Cut longer texts to N tokens; else to the model's length");
  d.count("max_target_length", a.max_target_length, 1,
          "text2text-generation: cut what is written to N tokens; else to 128");
  d.number("scale", a.embedding_scale,
           "Embeddings: of the cosines among which the right one is to be found");
  d.count("block_size", a.block_size, 1, "Language models: tokens of a block");
  d.number("mlm_probability", a.mlm_probability, "Masked language models: part of tokens masked");
}

// Such metrics are errors, which Trainer takes for scores.
bool is_error(const std::string& metric) {
  for (const char* name :
       {"loss", "wer", "cer", "perplexity", "mse", "mae", "rmse", "error_rate", "ter"})
    if (metric.ends_with(name)) return true;
  return false;
}

std::int64_t every(double wanted, std::int64_t steps) {
  return static_cast<std::int64_t>(wanted < 1 ? std::ceil(static_cast<double>(steps) * wanted)
                                              : wanted);
}

}  // namespace

Json TrainingArguments::json() const {
  Json all = Json::object();
  for (const auto& [name, value] : values) all[name] = value();
  return all;
}

void add_training_arguments(Flags& flags, TrainingArguments& a) {
  Declaring d(flags, a);
  declare_data(d, a);
  declare_steps(d, a);
  declare_optimizer(d, a);
  declare_strategies(d, a);
  declare_processes(d, a);
}

OptimizerSettings optimizer_of(const TrainingArguments& a) {
  OptimizerSettings s{.beta1 = a.adam_beta1,
                      .beta2 = a.adam_beta2,
                      .epsilon = a.adam_epsilon,
                      .weight_decay = a.weight_decay};
  for (const auto& [name, kind] : kOptimizerNames)
    if (a.optim == name) s.name = kind;
  if (a.optim_args.empty()) return s;
  constexpr std::string_view kMomentum = "momentum=";
  char* end = nullptr;
  const bool named = s.name == "sgd" && a.optim_args.starts_with(kMomentum);
  if (named) s.momentum = std::strtod(a.optim_args.c_str() + kMomentum.size(), &end);
  if (!named || *end || !(s.momentum >= 0 && s.momentum < 1))
    fail(Errc::kUsage, "--optim-args: '", a.optim_args, "', wanted momentum=X of sgd, X in [0, 1)");
  return s;
}

void add_lora_options(Flags& flags, LoraSettings& lora) {
  flags.add("--lora-r", lora.rank, "Train low-rank adapters of this rank in place of all weights")
      .metavar("N")
      .range(1, 65536)
      .group("LoRA");
  flags
      .add_number(
          "--lora-alpha", [&lora](double x) { lora.alpha = x; }, "Their scale, times the rank")
      .metavar("X")
      .show_default("8")
      .group("LoRA");
  flags
      .add_number(
          "--lora-dropout", [&lora](double x) { lora.dropout = x; }, "Dropout of what adapters see")
      .metavar("X")
      .show_default("0")
      .group("LoRA");
  flags.add("--use-dora", lora.dora, "Train the sizes of the weights' rows by themselves (DoRA)")
      .group("LoRA");
  flags.add("--use-rslora", lora.rank_stabilised, "Scale by the rank's square root").group("LoRA");
  add_list_option(flags, "--target-modules", lora.targets,
                  "Modules that get one: names, or ends of names")
      .metavar("NAME,…")
      .group("LoRA");
  add_list_option(flags, "--modules-to-save", lora.trained,
                  "Modules that are trained whole; new heads always are")
      .metavar("NAME,…")
      .group("LoRA");
}

void settle(TrainingArguments& a, bool has_eval_data) {
  for (const auto& [flag, value] :
       {std::pair("--learning-rate", a.learning_rate), {"--num-train-epochs", a.num_train_epochs}})
    if (!(value > 0) || !std::isfinite(value))
      fail(Errc::kUsage, flag, ": is ", value, ", wanted a number above 0");
  if (!(a.label_smoothing_factor >= 0 && a.label_smoothing_factor < 1))
    fail(Errc::kUsage, "--label-smoothing-factor: wanted a number in [0, 1)");
  if (!(a.mlm_probability > 0 && a.mlm_probability <= 1))
    fail(Errc::kUsage, "--mlm-probability: wanted a number in (0, 1]");
  if (!(a.ddp_bucket_cap_mb > 0 && a.ddp_bucket_cap_mb <= 1e6))
    fail(Errc::kUsage, "--ddp-bucket-cap-mb: is ", a.ddp_bucket_cap_mb,
         ", wanted a number in (0, 1e6]");
  if (a.dropout >= 1)
    fail(Errc::kUsage, "--dropout: is ", a.dropout, ", wanted a number in [0, 1)");
  const bool evaluates = a.eval_strategy != "no";
  const bool falls = a.lr_scheduler_type == "reduce_lr_on_plateau";
  if (falls && !evaluates)
    fail(Errc::kUsage, "--lr-scheduler-type ", a.lr_scheduler_type,
         ": wants --eval-strategy steps or epoch");
  if (evaluates && !has_eval_data)
    fail_hint(Errc::kUsage, "--eval-file FILE", "--eval-strategy ", a.eval_strategy,
              ": there is nothing to evaluate on");
  if (a.load_best_model_at_end && a.save_strategy != "best" && a.eval_strategy != a.save_strategy)
    fail(Errc::kUsage,
         "--load-best-model-at-end requires the save and eval strategy to match, but found "
         "--eval-strategy ",
         a.eval_strategy, " and --save-strategy ", a.save_strategy);
  const double eval_steps = a.eval_steps > 0 ? a.eval_steps : a.logging_steps;
  if (a.load_best_model_at_end && a.save_strategy == "steps" &&
      std::fabs(std::remainder(a.save_steps, eval_steps)) > 1e-9)
    fail(Errc::kUsage, "--load-best-model-at-end: --save-steps ", a.save_steps,
         " is no multiple of --eval-steps ", eval_steps);
  if ((a.save_strategy == "best" || a.early_stopping_patience > 0) && !evaluates)
    fail(Errc::kUsage,
         a.save_strategy == "best" ? "--save-strategy best" : "--early-stopping-patience",
         ": wants --eval-strategy steps or epoch");
  const bool ranks =
      a.load_best_model_at_end || a.save_strategy == "best" || a.early_stopping_patience > 0 ||
      falls;
  if (ranks && a.metric_for_best_model.empty()) a.metric_for_best_model = "loss";
}

bool greater_is_better(const TrainingArguments& a) {
  return a.greater_is_better.empty() ? !is_error(a.metric_for_best_model)
                                     : a.greater_is_better == "true";
}

Plan plan_of(const TrainingArguments& a, std::int64_t examples, int processes) {
  Plan p;
  const auto up = [](std::int64_t n, std::int64_t by) { return (n + by - 1) / by; };
  const std::int64_t together = a.per_device_train_batch_size * processes;
  p.batches = a.dataloader_drop_last ? examples / together : up(examples, together);
  if (p.batches == 0)
    fail(Errc::kUsage, "--dataloader-drop-last: ", examples, " examples fill no batch of ",
         together);
  p.updates = up(p.batches, a.gradient_accumulation_steps);
  if (a.max_steps > 0) {
    p.steps = a.max_steps;
    p.epochs = up(p.steps, p.updates);
  } else {
    p.steps =
        static_cast<std::int64_t>(std::ceil(a.num_train_epochs * static_cast<double>(p.updates)));
    p.epochs = static_cast<std::int64_t>(std::ceil(a.num_train_epochs));
  }
  const auto steps = static_cast<double>(p.steps);
  p.warmup = static_cast<std::int64_t>(
      a.warmup_steps >= 1 ? a.warmup_steps
                          : std::ceil(steps * std::max(a.warmup_ratio, a.warmup_steps)));
  p.logging = every(a.logging_steps, p.steps);
  p.eval = a.eval_steps > 0 ? every(a.eval_steps, p.steps) : p.logging;
  p.save = every(a.save_steps, p.steps);
  for (const auto& [flag, n] : {std::pair("--logging-steps", p.logging),
                                {"--eval-steps", p.eval},
                                {"--save-steps", p.save}})
    if (n < 1) fail(Errc::kUsage, flag, ": wanted a number above 0");
  return p;
}

}  // namespace hft
