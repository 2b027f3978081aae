#include "tasks/train/checkpoints.h"

#include <algorithm>
#include <charconv>

#include "core/base/atomic_folder.h"
#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "core/checkpoint/companions.h"
#include "tasks/run/values.h"

namespace hft {
namespace {

constexpr const char* kState = "trainer_state.json";
constexpr const char* kOwnState = "hft_state.json";
constexpr const char* kMemory = "optimizer.safetensors";
constexpr std::int64_t kShardBytes = 5'000'000'000;
constexpr std::string_view kPrefix = "checkpoint-";

// Keys in order, as Trainer writes them.
std::string sorted_text(const Json& value) {
  return nlohmann::json::parse(value.dump()).dump(2, ' ', true) + "\n";
}

void remove_folder(const fs::path& folder) {
  const fs::path hidden = folder.parent_path() / ("." + folder.filename().string() + ".old");
  std::error_code ignored;
  fs::remove_all(hidden, ignored);
  fs::rename(folder, hidden, ignored);  // from now on it is no checkpoint
  fs::remove_all(hidden, ignored);
}

StoredTensors weights_in(const fs::path& folder, bool adapter) {
  return adapter ? open_safetensors(folder / "adapter_model.safetensors").tensors : open_checkpoint(folder);
}

Json to_json(const Plateau& p) {
  return {{"part", p.part},
          {"best", p.best ? Json(*p.best) : Json()},
          {"not_better", p.not_better},
          {"cooling", p.cooling}};
}
Plateau plateau_of(const Fields& from) {
  Plateau p{.part = from.real("part", 0, 1),
            .not_better = from.integer("not_better", 0, INT64_MAX / 2),
            .cooling = from.integer("cooling", 0, INT64_MAX / 2)};
  if (const Json* best = from.find("best"); best && best->is_number()) p.best = *best;
  return p;
}

std::string shown(const Json& value) {
  const std::string text = value.is_null() ? "nothing" : value.dump();
  return text.size() > 60 ? "another " + std::string(type_of(value)) : text;
}

void add_differences(const Json& before, const Json& now, std::vector<std::string>& to) {
  for (const auto& [name, value] : now.items())
    if (const Json old = before.value(name, Json()); old != value)
      to.push_back(name + " was " + shown(old) + ", is " + shown(value));
}

}  // namespace

fs::path Checkpoints::folder(std::int64_t step) const {
  return settings_.output / (std::string(kPrefix) + std::to_string(step));
}

std::vector<std::int64_t> Checkpoints::steps() const {
  std::vector<std::int64_t> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(settings_.output, ignored)) {
    const std::string name = entry.path().filename();
    std::int64_t step = 0;
    const char* end = name.data() + name.size();
    if (name.starts_with(kPrefix) &&
        std::from_chars(name.data() + kPrefix.size(), end, step).ptr == end)
      found.push_back(step);
  }
  std::ranges::sort(found, std::greater());
  return found;
}

std::string Checkpoints::last() const {
  const auto all = steps();
  return all.empty() ? "" : folder(all[0]).string();
}

void Checkpoints::prepare(bool again, bool afresh) const {
  const fs::path& output = settings_.output;
  std::error_code failed;
  if (fs::exists(output) && !fs::is_directory(output))
    fail(Errc::kUsage, output.string(), ": is a file, wanted a folder to write");
  if (fs::is_directory(output) && !fs::is_empty(output) && !again && !afresh)
    fail_hint(Errc::kUsage, "--resume-from-checkpoint last goes on, --force begins anew",
              output.string(), ": exists already");
  fs::create_directories(output, failed);
  if (failed) fail(Errc::kResources, output.string(), ": cannot be made: ", failed.message());
  std::vector<fs::path> left;
  for (const auto& entry : fs::directory_iterator(output))
    if (entry.path().filename().string().starts_with("." + std::string(kPrefix)))
      left.push_back(entry.path());
  for (const fs::path& path : left) fs::remove_all(path, failed);
  if (afresh)
    for (const std::int64_t step : steps()) remove_folder(folder(step));
}

void Checkpoints::write_model(Trainee& trainee, const fs::path& to) const {
  std::vector<SavedTensor> weights = trainee.weights();
  if (settings_.adapter) {
    save_tensors(to / "adapter_model.safetensors", std::move(weights));
    write_file(to / "adapter_config.json", sorted_text(*settings_.adapter));
  } else {
    save_checkpoint(to, std::move(weights), kShardBytes, [](std::int64_t) {});
    write_file(to / "config.json", sorted_text(settings_.config));
  }
  copy_companions(settings_.model, to);
  fs::remove(to / "README.md");  // it describes another model
}

Json Checkpoints::trainer_state(const RunState& s) const {
  return {{"best_global_step", s.best_step > 0 ? Json(s.best_step) : Json()},
          {"best_metric", s.best_metric ? Json(*s.best_metric) : Json()},
          {"best_model_checkpoint", s.best_checkpoint.empty() ? Json() : Json(s.best_checkpoint)},
          {"epoch", s.epoch},
          {"eval_steps", settings_.plan.eval},
          {"global_step", s.step},
          {"is_hyper_param_search", false},
          {"is_local_process_zero", true},
          {"is_world_process_zero", true},
          {"log_history", s.history},
          {"logging_steps", settings_.plan.logging},
          {"max_steps", settings_.plan.steps},
          {"num_input_tokens_seen", 0},
          {"num_train_epochs", settings_.plan.epochs},
          {"save_steps", settings_.plan.save},
          {"stateful_callbacks", Json::object()},
          {"total_flos", 0.0},
          {"train_batch_size", settings_.batch_size},
          {"trial_name", Json()},
          {"trial_params", Json()}};
}

void Checkpoints::save(Ranks& ranks, Trainee& trainee, RunState& state) {
  if (state.best_step == state.step)
    state.best_checkpoint = folder(state.step).string();
  else if (state.best_step > 0 && fs::exists(folder(state.best_step)))
    state.best_checkpoint = folder(state.best_step).string();
  std::vector<SavedTensor> memory = trainee.memory();
  on_first(ranks, [&] { write(trainee, state, std::move(memory)); });
}

void Checkpoints::write(Trainee& trainee, const RunState& state,
                        std::vector<SavedTensor> memory) const {
  const fs::path target = folder(state.step);
  if (fs::exists(target)) remove_folder(target);  // resumed from an older one
  AtomicFolder out(target);
  save_tensors(out.path() / kMemory, std::move(memory));
  write_model(trainee, out.path());
  write_file(out.path() / kState, sorted_text(trainer_state(state)));
  write_file(out.path() / "training_args.json", settings_.identity.arguments.dump(2) + "\n");
  Json own{{"step", state.step},
                 {"epochs_ended", state.epochs_ended},
                 {"epoch", state.epoch},
                 {"not_better", state.not_better},
                 {"pending_loss", state.pending_loss},
                 {"total_loss", state.total_loss},
                 {"logged_step", state.logged_step},
                 {"plateau", to_json(state.plateau)}};
  own.update(identity());
  write_file(out.path() / kOwnState, own.dump(2) + "\n");
  sync_folder(out.path());
  out.commit([](const std::string&) { return false; });
  rotate(state);
}

void Checkpoints::rotate(const RunState& state) const {
  if (settings_.limit <= 0) return;
  std::vector<std::int64_t> all = steps();
  const auto kept = [&](std::int64_t step) {
    return step == all[0] || folder(step) == fs::path(state.best_checkpoint);
  };
  auto count = std::ssize(all);
  for (auto it = all.rbegin(); it != all.rend() && count > settings_.limit; ++it)
    if (!kept(*it)) {
      remove_folder(folder(*it));
      --count;
    }
}

Json Checkpoints::identity() const {
  return {{"arguments", settings_.identity.arguments},
          {"config", settings_.config},
          {"data", settings_.identity.data}};
}

std::vector<std::string> Checkpoints::differences(const Json& other) const {
  std::vector<std::string> found;
  const auto part = [&](const char* name) { return other.value(name, Json::object()); };
  add_differences(part("arguments"), settings_.identity.arguments, found);
  add_differences(part("config"), settings_.config, found);
  if (other.value("data", Json()) != settings_.identity.data)
    found.push_back("the training data is another");
  return found;
}

void Checkpoints::compare(const Json& saved, const fs::path& from) const {
  if (const auto found = differences(saved); !found.empty())
    fail_hint(Errc::kUsage, "--force goes on all the same", from.string(),
              ": is of another run: ", joined(found, "; "));
}

RunState Checkpoints::read(Trainee& trainee, const fs::path& from, bool force) const {
  const Json state = read_json(from / kState);
  const Fields own(read_json(from / kOwnState), (from / kOwnState).string());
  if (!force) compare(own.json(), from);
  RunState s;
  constexpr std::int64_t kMost = INT64_MAX / 2;
  constexpr double kHuge = 1e300;
  s.step = own.integer("step", 0, kMost);
  s.epochs_ended = own.integer("epochs_ended", 0, kMost);
  s.epoch = own.real("epoch", 0, kHuge);
  s.not_better = own.integer("not_better", 0, kMost);
  s.pending_loss = own.real("pending_loss", -kHuge, kHuge);
  s.total_loss = own.real("total_loss", -kHuge, kHuge);
  s.logged_step = own.integer("logged_step", 0, kMost);
  if (const Json plateau = own.json().value("plateau", Json()); plateau.is_object())
    s.plateau = plateau_of(Fields(plateau, own.where()));
  s.history = state.value("log_history", Json::array());
  if (const Json best = state.value("best_metric", Json()); best.is_number())
    s.best_metric = best.get<double>();
  if (const Json step = state.value("best_global_step", Json()); step.is_number_integer())
    s.best_step = step;
  if (const Json path = state.value("best_model_checkpoint", Json()); path.is_string())
    s.best_checkpoint = path;
  trainee.restore(weights_in(from, settings_.adapter.has_value()), open_safetensors(from / kMemory).tensors, s.step);
  return s;
}

std::optional<RunState> Checkpoints::resume(Trainee& trainee, const std::string& named,
                                            bool force) const {
  if (named != "last" && named != "true") {
    if (!fs::is_directory(named))
      fail(Errc::kNotFound, "--resume-from-checkpoint ", named,
           ": no such folder, wanted one, or last");
    return read(trainee, named, force);
  }
  for (const std::int64_t step : steps()) {
    const fs::path from = folder(step);
    try {
      RunState state = read(trainee, from, force);
      note("going on from " + from.string());
      return state;
    } catch (const Error& e) {
      if (e.code == Errc::kUsage) throw;
      note(from.string() + " is left out, as it is not whole: " + e.message);
    }
  }
  note(settings_.output.string() + " has no whole checkpoint: training begins anew");
  return std::nullopt;
}

void Checkpoints::load_best(Trainee& trainee, const RunState& state) const {
  if (state.best_checkpoint.empty()) return;
  const fs::path from = state.best_checkpoint;
  note("taking the best weights, those of " + from.string());
  trainee.restore(weights_in(from, settings_.adapter.has_value()), {}, state.step);
}

void Checkpoints::finish(Trainee& trainee, const RunState& state) const {
  write_model(trainee, settings_.output);
  write_file(settings_.output / kState, sorted_text(trainer_state(state)));
  write_file(settings_.output / "training_args.json", settings_.identity.arguments.dump(2) + "\n");
}

}  // namespace hft
