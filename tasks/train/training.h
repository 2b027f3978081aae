// The loop of Trainer: steps, logs, evaluations, checkpoints, in its order.
// Reference: transformers 4.57 (trainer.py, _inner_training_loop; trainer_callback.py).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/ranks/ranks.h"
#include "tasks/train/checkpoints.h"
#include "tasks/train/evaluation.h"
#include "tasks/train/schedule.h"
#include "tasks/train/token_file.h"

namespace hft {

struct TrainData {
  Examples train, eval;
  Labels labels;
  Masking masking;
  SpokenLetters spoken;
};

class Training {
 public:
  // What all ranks take part in; the log file and the listeners are the first one's.
  struct Parts {
    Ranks& ranks;
    Trainee& trainee;
    const TrainingArguments& arguments;
    const Plan& plan;
    const TrainData& data;
    Checkpoints& checkpoints;
  };
  explicit Training(const Parts& parts);

  // Lines of JSON, one for each entry of the log, go there too.
  void log_into(const std::string& file) { log_file_ = file; }
  // Called with the log after each evaluation, with each entry of it, and with the step that is saved.
  struct Listeners {
    std::function<void(const Json& history)> evaluated;
    std::function<void(const Json& entry)> logged;
    std::function<void(std::int64_t step)> saved;
  };
  void tell(Listeners listeners) { listeners_ = std::move(listeners); }
  // From `state` to the end; the figures of the run. Throws kInterrupted or kTerminated once a
  // signal's checkpoint is saved, kNotFinite when the loss is no number.
  Json run(RunState& state);

 private:
  void one_step(const std::vector<std::int64_t>& order, std::int64_t update);
  double learn(const std::vector<std::int64_t>& order, std::int64_t update);
  std::vector<std::int64_t> order(std::int64_t epoch);
  std::vector<std::int64_t> order_of_one(std::int64_t epoch);
  void after_step();
  void after_epoch();
  void log_loss();
  void log(Json entry);
  Json evaluated();
  void evaluate_now();
  void rank(const Json& figures);
  void save_now();
  void stop_if_asked();
  Json figures_at_end(double seconds);
  bool evaluates_at(const char* when) const { return arguments_.eval_strategy == when; }

  Ranks& ranks_;
  Trainee& trainee_;
  const TrainingArguments& arguments_;
  const Plan& plan_;
  const TrainData& data_;
  Checkpoints& checkpoints_;
  Schedule schedule_;
  std::string log_file_;
  RunState* state_ = nullptr;
  std::int64_t saved_step_ = -1, epoch_ = 0;
  double rate_ = 0, norm_ = 0, loss_ = 0;  // of the last step
  bool stopped_early_ = false, is_best_ = false;
  std::function<void()> hide_progress_;
  Listeners listeners_;
};

}  // namespace hft
