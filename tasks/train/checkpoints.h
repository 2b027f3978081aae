// Checkpoints as Trainer lays them out: checkpoint-N, which is there with all it needs or not at
// all. What Python pickles is JSON and safetensors here.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "core/base/json.h"
#include "core/models/heads/trainee.h"
#include "core/ranks/ranks.h"
#include "tasks/train/arguments.h"
#include "tasks/train/schedule.h"

namespace hft {

// How far a run has come.
struct RunState {
  std::int64_t step = 0, epochs_ended = 0;
  double epoch = 0;
  Json history = Json::array();  // log_history
  std::optional<double> best_metric;
  std::int64_t best_step = 0;
  std::string best_checkpoint;
  std::int64_t not_better = 0;              // evaluations since the best one
  double pending_loss = 0, total_loss = 0;  // since the last log, and before it
  std::int64_t logged_step = 0;
  Plateau plateau;
};

// What a run is: resumed, it must be the same.
struct RunIdentity {
  Json arguments;
  std::string data;  // digest
};

class Checkpoints {
 public:
  struct Settings {
    std::filesystem::path output, model;  // model: where training began
    Json config;                          // of the model that is made
    std::optional<Json> adapter;          // adapter_config.json, where one is trained
    RunIdentity identity;
    Plan plan;
    std::int64_t batch_size = 8, limit = 0;  // limit 0: all stay
  };
  explicit Checkpoints(Settings settings) : settings_(std::move(settings)) {}

  // The output folder is new, or `again`; throws kUsage, kResources. What a killed run left half
  // written goes; with `afresh`, old checkpoints too.
  void prepare(bool again, bool afresh) const;
  // All ranks save together; the first one writes.
  void save(Ranks& ranks, Trainee& trainee, RunState& state);
  // The newest complete one, or `named`: the state to go on from. None where there is none to find.
  // A broken one is named and left. Another identity is kUsage, telling what differs, unless
  // `force`.
  std::optional<RunState> resume(Trainee& trainee, const std::string& named, bool force) const;
  void load_best(Trainee& trainee, const RunState& state) const;
  // The model as it is now, in the output folder itself.
  void finish(Trainee& trainee, const RunState& state) const;
  // How another run, as JSON of an identity, differs.
  std::vector<std::string> differences(const Json& other) const;
  Json identity() const;
  std::filesystem::path folder(std::int64_t step) const;
  std::string last() const;  // the newest, for messages; "" = none

 private:
  void write_model(Trainee& trainee, const std::filesystem::path& to) const;
  Json trainer_state(const RunState& state) const;
  void write(Trainee& trainee, const RunState& state, std::vector<SavedTensor> memory) const;
  void rotate(const RunState& state) const;
  std::vector<std::int64_t> steps() const;  // of all checkpoints, the newest first
  void compare(const Json& saved, const std::filesystem::path& from) const;
  RunState read(Trainee& trainee, const std::filesystem::path& from, bool force) const;
  Settings settings_;
};

}  // namespace hft
