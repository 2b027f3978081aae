// The learning rate over the steps. Reference: transformers 4.57 (optimization.py).
#pragma once

#include <cstdint>
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

class Schedule {
 public:
  // Throws kUsage for settings the type does not know or take.
  explicit Schedule(const ScheduleSettings& settings);
  // Of the step after `done` steps.
  double rate(std::int64_t done) const {
    return settings_.rate * factor(static_cast<double>(done));
  }

 private:
  double factor(double done) const;
  double min_rate() const;
  double more(const std::string& name, double fallback) const;
  ScheduleSettings settings_;
};

}  // namespace hft
