#include "tasks/train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/base/error.h"
#include "core/base/text.h"

namespace hft {
namespace {

struct Type {
  const char* name;
  std::vector<std::string> takes;  // of lr_scheduler_kwargs
};

const std::vector<Type>& types() {
  static const std::vector<Type> kTypes{
      {"linear", {}},
      {"cosine", {"num_cycles"}},
      {"cosine_with_restarts", {"num_cycles"}},
      {"polynomial", {"lr_end", "power"}},
      {"constant", {}},
      {"constant_with_warmup", {}},
      {"inverse_sqrt", {"timescale"}},
      {"cosine_with_min_lr", {"num_cycles", "min_lr", "min_lr_rate"}},
      {"cosine_warmup_with_min_lr", {"num_cycles", "min_lr", "min_lr_rate", "warmup_lr_rate"}},
      {"warmup_stable_decay",
       {"num_decay_steps", "num_stable_steps", "min_lr_ratio", "num_cycles"}},
      {"reduce_lr_on_plateau",
       {"mode", "factor", "patience", "threshold", "cooldown", "min_lr", "eps"}}};
  return kTypes;
}

double cosine(double cycles, double progress) {
  return 0.5 * (1 + std::cos(std::numbers::pi * cycles * 2 * progress));
}

}  // namespace

const std::vector<std::string>& schedule_types() {
  static const std::vector<std::string> kNames = [] {
    std::vector<std::string> names;
    for (const Type& type : types()) names.emplace_back(type.name);
    return names;
  }();
  return kNames;
}

Schedule::Schedule(const ScheduleSettings& settings) : settings_(settings) {
  const auto& type = *std::ranges::find(types(), settings.type, &Type::name);
  if (!settings.more.is_object())
    fail(Errc::kUsage, "--lr-scheduler-kwargs: wanted a JSON object, as in '{\"num_cycles\": 2}'");
  for (const auto& [name, value] : settings.more.items()) {
    if (std::ranges::find(type.takes, name) == type.takes.end())
      fail(Errc::kUsage, "--lr-scheduler-kwargs: '", type.name, "' takes no '", name, "'",
           type.takes.empty() ? "" : "; it takes " + joined(type.takes, ", "));
    if (name == "mode" && (value == "min" || value == "max")) continue;
    if (!value.is_number()) fail(Errc::kUsage, "--lr-scheduler-kwargs: '", name, "' is no number");
  }
  if (settings.type == "polynomial" && more("lr_end", 1e-7) >= settings.rate)
    fail(Errc::kUsage, "--lr-scheduler-kwargs: lr_end is not below the learning rate");
  if (settings.type.starts_with("cosine") && settings.type.ends_with("min_lr") &&
      settings.more.contains("min_lr") == settings.more.contains("min_lr_rate"))
    fail(Errc::kUsage, "--lr-scheduler-kwargs: '", settings.type,
         "' wants either min_lr or min_lr_rate");
  if (settings.type == "warmup_stable_decay" && !settings.more.contains("num_decay_steps"))
    fail(Errc::kUsage, "--lr-scheduler-kwargs: 'warmup_stable_decay' wants num_decay_steps");
}

double Schedule::more(const std::string& name, double fallback) const {
  const auto found = settings_.more.find(name);
  return found == settings_.more.end() ? fallback : found->get<double>();
}

void Schedule::see(double figure, Plateau& p) const {
  if (settings_.type != "reduce_lr_on_plateau") return;
  const double threshold = more("threshold", 1e-4);
  const bool better = !p.best ? true
                      : rises() ? figure > *p.best * (1 + threshold)
                                : figure < *p.best * (1 - threshold);
  if (better) p.best = figure;
  p.not_better = better ? 0 : p.not_better + 1;
  if (p.cooling > 0) {
    --p.cooling;
    p.not_better = 0;
  }
  if (static_cast<double>(p.not_better) <= more("patience", 10)) return;
  const double next = std::max(settings_.rate * p.part * more("factor", 0.1), more("min_lr", 0));
  if (settings_.rate * p.part - next > more("eps", 1e-8)) p.part = next / settings_.rate;
  p.cooling = static_cast<std::int64_t>(more("cooldown", 0));
  p.not_better = 0;
}

double Schedule::min_rate() const {
  return settings_.more.contains("min_lr") ? more("min_lr", 0) / settings_.rate
                                           : more("min_lr_rate", 0);
}

double Schedule::factor(double done) const {
  const std::string& type = settings_.type;
  const auto warmup = static_cast<double>(settings_.warmup),
             all = static_cast<double>(settings_.steps);
  if (type == "constant" || type == "reduce_lr_on_plateau") return 1;
  if (type == "cosine_warmup_with_min_lr") {
    if (done < warmup && !settings_.more.contains("warmup_lr_rate"))
      return (done + 1) / std::max(1.0, warmup);
    const double first = more("warmup_lr_rate", 0), least = min_rate();
    if (done < warmup) return first + (1 - first) * done / std::max(1.0, warmup - 1);
    const double progress = (done - warmup + 1) / std::max(1.0, all - warmup);
    return std::max(0.0, cosine(more("num_cycles", 0.5), progress) * (1 - least) + least);
  }
  const double cold = type == "warmup_stable_decay" ? more("min_lr_ratio", 0) : 0;
  if (done < warmup) return cold + (1 - cold) * done / std::max(1.0, warmup);
  if (type == "constant_with_warmup") return 1;
  if (type == "linear") return std::max(0.0, (all - done) / std::max(1.0, all - warmup));
  if (type == "inverse_sqrt") {
    const double scale = more("timescale", warmup > 0 ? warmup : 10'000);
    return 1 / std::sqrt((done + scale - warmup) / scale);
  }
  if (type == "polynomial") {
    const double end = more("lr_end", 1e-7), left = 1 - (done - warmup) / (all - warmup);
    if (done > all) return end / settings_.rate;
    return ((settings_.rate - end) * std::pow(left, more("power", 1)) + end) / settings_.rate;
  }
  if (type == "warmup_stable_decay") {
    const double decay = more("num_decay_steps", 0), least = cold;
    const double stable = more("num_stable_steps", all - warmup - decay);
    if (done < warmup + stable) return 1;
    if (done >= warmup + stable + decay) return least;
    const double progress = (done - warmup - stable) / std::max(1.0, decay);
    return std::max(0.0, cosine(more("num_cycles", 0.5), progress) * (1 - least) + least);
  }
  const double progress = (done - warmup) / std::max(1.0, all - warmup);
  if (type == "cosine") return std::max(0.0, cosine(more("num_cycles", 0.5), progress));
  if (type == "cosine_with_restarts") {
    if (progress >= 1) return 0;
    return std::max(0.0, cosine(0.5, std::fmod(more("num_cycles", 1) * progress, 1.0)));
  }
  const double least = min_rate();  // cosine_with_min_lr
  return std::max(0.0, cosine(more("num_cycles", 0.5), progress) * (1 - least) + least);
}

}  // namespace hft
