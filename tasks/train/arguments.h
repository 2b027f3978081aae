// TrainingArguments: names and defaults of transformers 4.57, as flags.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "core/models/heads/trainee.h"
#include "tasks/run/flags.h"

namespace hft {

struct TrainingArguments {
  double num_train_epochs = 3, learning_rate = 5e-5, weight_decay = 0, max_grad_norm = 1;
  double adam_beta1 = 0.9, adam_beta2 = 0.999, adam_epsilon = 1e-8;
  double warmup_steps = 0, warmup_ratio = 0, label_smoothing_factor = 0;
  double logging_steps = 500, eval_steps = 0, save_steps = 500;  // below 1: a part of all steps
  std::int64_t max_steps = -1, per_device_train_batch_size = 8, per_device_eval_batch_size = 8,
               gradient_accumulation_steps = 1, save_total_limit = 0, seed = 42, data_seed = -1,
               early_stopping_patience = 0, max_length = 0, block_size = 0, max_target_length = 0;
  double early_stopping_threshold = 0, mlm_probability = 0.15, neftune_noise_alpha = 0,
         dropout = -1, embedding_scale = 20;
  std::string optim = "adamw_torch_fused", optim_args, lr_scheduler_type = "linear", lr_scheduler_kwargs = "{}",
              logging_strategy = "steps", eval_strategy = "no", save_strategy = "steps",
              metric_for_best_model, greater_is_better;
  double ddp_bucket_cap_mb = 25;
  std::int64_t zero_stage = 0;
  bool logging_first_step = false, eval_on_start = false, load_best_model_at_end = false,
       group_by_length = false, dataloader_drop_last = false, bf16 = false,
       gradient_checkpointing = false;

  // What each is set to, by its name; training_args.json.
  Json json() const;
  std::vector<std::pair<std::string, std::function<Json()>>> values;
};

// The arguments outlive the parsing and are not moved.
void add_training_arguments(Flags& flags, TrainingArguments& arguments);
// What --optim and its arguments ask for. Throws kUsage.
OptimizerSettings optimizer_of(const TrainingArguments& arguments);
void add_lora_options(Flags& flags, LoraSettings& settings);
// What contradicts each other, and what follows from what is given: metric_for_best_model.
void settle(TrainingArguments& arguments, bool has_eval_data);
// A higher value of the metric is better.
bool greater_is_better(const TrainingArguments& arguments);

// What of training follows from the number of examples.
struct Plan {
  std::int64_t batches = 0;  // of an epoch, of each of the processes
  std::int64_t updates = 0;  // steps of an epoch
  std::int64_t steps = 0, epochs = 0, warmup = 0;
  std::int64_t logging = 0, eval = 0, save = 0;  // every so many steps
};
Plan plan_of(const TrainingArguments& arguments, std::int64_t examples, int processes);

}  // namespace hft
