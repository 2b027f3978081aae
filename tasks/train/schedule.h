// The learning rate over the steps. Reference: transformers 4.57 (optimization.py).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/json.h"

namespace hft {

struct ScheduleSettings {
  std::string type = "linear";
  Json more = Json::object();  // lr_scheduler_kwargs
  double rate = 5e-5;          // the highest
  std::int64_t warmup = 0, steps = 0;
};

const std::vector<std::string>& schedule_types();

// How far a rate that follows evaluations has come (torch's ReduceLROnPlateau).
struct Plateau {
  double part = 1;  // of the highest rate
  std::optional<double> best;
  std::int64_t not_better = 0, cooling = 0;
};

class Schedule {
 public:
  // Throws kUsage for settings the type does not know or take.
  explicit Schedule(const ScheduleSettings& settings);
  // Of the step after `done` steps.
  double rate(std::int64_t done, const Plateau& plateau = {}) const {
    return settings_.rate * plateau.part * factor(static_cast<double>(done));
  }
  // What an evaluation found; lower is better, whatever it is, unless lr_scheduler_kwargs say so.
  void see(double figure, Plateau& plateau) const;

 private:
  double factor(double done) const;
  double min_rate() const;
  double more(const std::string& name, double fallback) const;
  bool rises() const { return settings_.more.value("mode", Json()) == "max"; }
  ScheduleSettings settings_;
};

}  // namespace hft
