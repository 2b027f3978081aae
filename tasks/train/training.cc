#include "tasks/train/training.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/progress.h"
#include "core/base/signals.h"
#include "core/base/text.h"

namespace hft {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Of a seed and where in the run it is: nothing need be drawn to go on from there.
std::uint64_t mixed(std::uint64_t seed, std::uint64_t place) {
  std::uint64_t x = seed + 0x9e3779b97f4a7c15ULL * (place + 1);
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

std::string shown(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", value);
  return text;
}

Schedule schedule_for(const TrainingArguments& a, const Plan& plan) {
  return Schedule(
      {.type = a.lr_scheduler_type,
       .more = with_context("--lr-scheduler-kwargs",
                            [&] { return parse_json(a.lr_scheduler_kwargs, "its value"); }),
       .rate = a.learning_rate,
       .warmup = plan.warmup,
       .steps = plan.steps});
}

void add_speed(Json& to, const std::string& name, double seconds, double samples, double steps) {
  to[name + "_runtime"] = seconds;
  to[name + "_samples_per_second"] = samples / seconds;
  to[name + "_steps_per_second"] = steps / seconds;
}

}  // namespace

Training::Training(const Parts& parts)
    : ranks_(parts.ranks),
      trainee_(parts.trainee),
      arguments_(parts.arguments),
      plan_(parts.plan),
      data_(parts.data),
      checkpoints_(parts.checkpoints),
      schedule_(schedule_for(arguments_, plan_)) {}

// As torch's RandomSampler with accelerate's seed, or LengthGroupedSampler. For several ranks, its
// first examples fill up the last batches, as accelerate's BatchSamplerShard does.
std::vector<std::int64_t> Training::order(std::int64_t epoch) {
  std::vector<std::int64_t> order = order_of_one(epoch);
  const auto n = order.size(), whole = static_cast<std::size_t>(
      plan_.batches * ranks_.size() * arguments_.per_device_train_batch_size);
  for (std::size_t i = n; ranks_.size() > 1 && i < whole; ++i) order.push_back(order[(i - n) % n]);
  return order;
}

std::vector<std::int64_t> Training::order_of_one(std::int64_t epoch) {
  const auto n = std::ssize(data_.train);
  const std::int64_t seed = arguments_.data_seed >= 0 ? arguments_.data_seed : arguments_.seed;
  std::vector<std::int64_t> order =
      trainee_.permutation(n, static_cast<std::uint64_t>(seed + epoch));
  if (!arguments_.group_by_length) return order;
  const auto batch =
      arguments_.per_device_train_batch_size * arguments_.gradient_accumulation_steps;
  const auto size = batch * std::max<std::int64_t>(1, std::min<std::int64_t>(n / (4 * batch), 50));
  const auto longer = [&](std::int64_t a, std::int64_t b) {
    return data_.train.length(a) > data_.train.length(b);
  };
  std::int64_t longest = 0;
  for (std::int64_t at = 0; at < n; at += size) {
    std::stable_sort(order.begin() + at, order.begin() + std::min(n, at + size), longer);
    if (longer(order[at], order[longest])) longest = at;
  }
  std::swap(order[0], order[longest]);
  return order;
}

double Training::learn(const std::vector<std::int64_t>& order, std::int64_t update) {
  const auto size = arguments_.per_device_train_batch_size,
             per_step = arguments_.gradient_accumulation_steps;
  const auto last = std::min(plan_.batches, (update + 1) * per_step);
  std::vector<TrainBatch> batches;
  double terms = 0;
  for (auto step = update * per_step; step < last; ++step) {
    const auto b = step * ranks_.size() + ranks_.rank();  // of all ranks' batches of the epoch
    const auto place = static_cast<std::uint64_t>(epoch_ * plan_.batches * ranks_.size() + b);
    std::vector<TrainExample> chosen;
    for (auto i = b * size; i < std::min<std::int64_t>(std::ssize(order), (b + 1) * size); ++i)
      chosen.push_back(data_.train[order[i]]);
    Masking masking = data_.masking;
    masking.seed = mixed(masking.seed, place);
    batches.push_back(batch_of(chosen, data_.labels.objective, masking));
    constexpr std::uint64_t kOfDropout = 0x64726f70;
    batches.back().noise =
        mixed(static_cast<std::uint64_t>(arguments_.seed) ^ kOfDropout, place);
    terms += static_cast<double>(batches.back().terms());
  }
  // Tokens of a language model weigh the same in whatever batch they are, and of whatever rank.
  const bool together = data_.labels.objective == Objective::kCausal;
  if (together) ranks_.sum({&terms, 1});
  const auto count = static_cast<double>(std::ssize(batches) * ranks_.size());
  double loss = 0;
  for (const TrainBatch& batch : batches)
    loss += trainee_.learn(batch, together ? terms : static_cast<double>(batch.terms()) * count,
                           &batch == &batches.back());
  ranks_.sum({&loss, 1});
  return loss;
}

void Training::one_step(const std::vector<std::int64_t>& order, std::int64_t update) {
  RunState& s = *state_;
  rate_ = schedule_.rate(s.step, s.plateau);
  loss_ = learn(order, update);
  const auto refuse = [&](const char* what) {
    on_first(ranks_, [&] {
      const std::string last = checkpoints_.last();
      fail_hint(Errc::kNotFinite, last.empty() ? "" : "the last good checkpoint is " + last,
                "step ", s.step + 1, ": the ", what, " is no finite number (learning rate ",
                shown(rate_), ")");
    });
  };
  if (!std::isfinite(loss_)) refuse("loss");
  norm_ = trainee_.update(rate_, arguments_.max_grad_norm);
  if (!std::isfinite(norm_)) refuse("gradient");
  s.pending_loss += loss_;
  ++s.step;
  const auto seen = std::min(plan_.batches, (update + 1) * arguments_.gradient_accumulation_steps);
  s.epoch =
      static_cast<double>(epoch_) + static_cast<double>(seen) / static_cast<double>(plan_.batches);
}

void Training::log(Json entry) {
  entry["epoch"] = state_->epoch;
  entry["step"] = state_->step;
  state_->history.push_back(entry);
  if (!log_file_.empty()) {
    std::ofstream file(log_file_, std::ios::app);
    file << to_line(entry) << '\n' << std::flush;
    if (!file) fail(Errc::kResources, "--logging-file ", log_file_, ": cannot write");
  }
  if (listeners_.logged) listeners_.logged(entry);
  std::string line =
      "step " + std::to_string(state_->step) + " of " + std::to_string(plan_.steps) + ":";
  for (const auto& [name, value] : entry.items())
    if (name != "step" && name.find("_per_second") == std::string::npos)
      line += " " + name + " " + shown(value.get<double>());
  if (hide_progress_) hide_progress_();
  note(line);
}

void Training::log_loss() {
  RunState& s = *state_;
  if (s.step <= s.logged_step) return;
  const Json entry{{"loss", s.pending_loss / static_cast<double>(s.step - s.logged_step)},
                   {"grad_norm", norm_},
                   {"learning_rate", rate_}};
  s.total_loss += s.pending_loss;
  s.pending_loss = 0;
  s.logged_step = s.step;
  log(entry);
}

Json Training::evaluated() {
  return evaluate(ranks_, trainee_, data_.eval, data_.labels,
                  {arguments_.per_device_eval_batch_size, data_.masking, data_.spoken});
}

void Training::evaluate_now() {
  const auto start = Clock::now();
  Json figures = evaluated();
  const auto size = arguments_.per_device_eval_batch_size * ranks_.size();
  const auto count = std::ssize(data_.eval);
  add_speed(figures, "eval", seconds_since(start), static_cast<double>(count),
            static_cast<double>((count + size - 1) / size));
  log(figures);
  if (listeners_.evaluated) listeners_.evaluated(state_->history);
  rank(figures);
}

void Training::rank(const Json& figures) {
  is_best_ = false;
  if (arguments_.metric_for_best_model.empty()) return;
  RunState& s = *state_;
  std::string name = arguments_.metric_for_best_model;
  if (!name.starts_with("eval_")) name = "eval_" + name;
  if (!figures.contains(name)) {
    std::vector<std::string> names;
    for (const auto& [key, value] : figures.items()) names.push_back(key);
    fail(Errc::kUsage, "--metric-for-best-model ", arguments_.metric_for_best_model,
         ": the evaluation gives ", joined(names, ", "));
  }
  const auto value = figures[name].get<double>();
  schedule_.see(value, s.plateau);
  const double gain = !s.best_metric                  ? INFINITY
                      : greater_is_better(arguments_) ? value - *s.best_metric
                                                      : *s.best_metric - value;
  s.not_better = gain > 0 && gain > arguments_.early_stopping_threshold ? 0 : s.not_better + 1;
  if (arguments_.early_stopping_patience > 0 && s.not_better >= arguments_.early_stopping_patience)
    stopped_early_ = true;
  if (gain <= 0) return;
  s.best_metric = value;
  s.best_step = s.step;
  is_best_ = true;
}

void Training::save_now() {
  if (saved_step_ == state_->step) return;
  checkpoints_.save(ranks_, trainee_, *state_);
  saved_step_ = state_->step;
  if (listeners_.saved) listeners_.saved(saved_step_);
}

void Training::after_step() {
  const RunState& s = *state_;
  const bool ends = s.step >= plan_.steps;
  if ((s.step == 1 && arguments_.logging_first_step) ||
      (arguments_.logging_strategy == "steps" && s.step % plan_.logging == 0))
    log_loss();
  const bool evaluates = evaluates_at("steps") && s.step % plan_.eval == 0;
  if (evaluates) evaluate_now();
  const std::string& saves = arguments_.save_strategy;
  if ((saves == "steps" && (s.step % plan_.save == 0 || ends)) ||
      (saves == "best" && evaluates && is_best_))
    save_now();
}

void Training::after_epoch() {
  ++state_->epochs_ended;
  if (arguments_.logging_strategy == "epoch") log_loss();
  if (evaluates_at("epoch")) evaluate_now();
  const std::string& saves = arguments_.save_strategy;
  if (saves == "epoch" || (saves == "best" && evaluates_at("epoch") && is_best_)) save_now();
}

void Training::stop_if_asked() {
  // Whichever rank was asked to, all stop.
  const int asked = stop_requested();
  constexpr Errc kAsked[] = {Errc::kTerminated, Errc::kInterrupted};
  double counts[] = {static_cast<double>(asked == static_cast<int>(kAsked[0])),
                     static_cast<double>(asked == static_cast<int>(kAsked[1]))};
  ranks_.sum(counts);
  if (counts[0] + counts[1] == 0) return;
  save_now();
  on_first(ranks_, [&] {
    fail_hint(kAsked[counts[0] > 0 ? 0 : 1], "--resume-from-checkpoint last goes on from it",
              "stopped after step ", state_->step, " of ", plan_.steps, ": ",
              checkpoints_.folder(state_->step).string(), " is saved");
  });
}

Json Training::run(RunState& state) {
  state_ = &state;
  if (!log_file_.empty()) {
    std::ofstream file(log_file_, std::ios::trunc);
    for (const Json& entry : state.history) file << to_line(entry) << '\n';
  }
  const auto start = Clock::now();
  Progress progress("training", "step", plan_.steps);
  hide_progress_ = [&progress] { progress.hide(); };
  if (arguments_.eval_on_start && state.step == 0 && !data_.eval.empty()) evaluate_now();
  const auto goes_on = [&] { return state.step < plan_.steps && !stopped_early_; };
  while (state.epochs_ended < plan_.epochs && !stopped_early_) {
    epoch_ = state.epochs_ended;
    const auto order = this->order(epoch_);
    for (auto update = state.step - epoch_ * plan_.updates; update < plan_.updates && goes_on();
         ++update) {
      one_step(order, update);
      progress.update(state.step, "loss " + shown(loss_));
      after_step();
      stop_if_asked();
    }
    after_epoch();
    stop_if_asked();
  }
  progress.hide();
  hide_progress_ = nullptr;
  return figures_at_end(seconds_since(start));
}

Json Training::figures_at_end(double seconds) {
  RunState& s = *state_;
  const double loss = (s.total_loss + s.pending_loss) / std::max(1.0, static_cast<double>(s.step));
  Json entry = Json::object();
  const double samples =
      arguments_.max_steps > 0
          ? static_cast<double>(arguments_.max_steps * arguments_.per_device_train_batch_size *
                                arguments_.gradient_accumulation_steps * ranks_.size())
          : static_cast<double>(std::ssize(data_.train)) * arguments_.num_train_epochs;
  add_speed(entry, "train", seconds, samples, static_cast<double>(plan_.steps));
  entry["train_loss"] = loss;
  log(entry);
  if (arguments_.load_best_model_at_end) checkpoints_.load_best(trainee_, s);
  Json figures{{"epoch", s.epoch}, {"step", s.step}};
  figures.update(entry);
  if (data_.eval.empty()) return figures;
  figures.update(evaluated());
  return figures;
}

}  // namespace hft
