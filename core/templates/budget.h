// The one budget of a rendering: everything whose cost a template can choose is charged to it.
#pragma once

#include <cstdint>
#include <string>

#include "core/base/error.h"
#include "core/base/limits.h"

namespace hft::jinja {

inline thread_local std::int64_t steps_used = 0;

// Throws kBadData when the budget of this thread's rendering is spent.
inline void charge(std::int64_t steps) {
  if ((steps_used += steps) > limits::kTemplateSteps)
    fail(Errc::kBadData, "step limit (", limits::kTemplateSteps, ") reached");
}
inline void charge_bytes(std::size_t bytes) { charge(static_cast<std::int64_t>(bytes / 64)); }

// Throws kBadData when a string of that many bytes may not be made; charges for it otherwise.
inline void allow_text(std::uint64_t bytes) {
  if (bytes > static_cast<std::uint64_t>(limits::kTemplateTextBytes))
    fail(Errc::kBadData, "string limit (", limits::kTemplateTextBytes, " bytes) reached");
  charge_bytes(bytes);
}

// A rendering's own budget; gives the thread its former one back.
class Budget {
 public:
  Budget() : before_(steps_used) { steps_used = 0; }
  ~Budget() { steps_used = before_; }
  Budget(const Budget&) = delete;
  Budget& operator=(const Budget&) = delete;

 private:
  std::int64_t before_;
};

}  // namespace hft::jinja
