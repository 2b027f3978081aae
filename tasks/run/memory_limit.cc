#include "tasks/run/memory_limit.h"

#include <string>

#include "core/base/log.h"

namespace hft {

bool MemoryLimit::halve(std::int64_t batch) {
  if (batch <= 1) return false;
  const std::int64_t half = batch / 2;
  if (allows_more(half))
    note("out of memory with a batch of " + std::to_string(batch) + "; going on with " +
         std::to_string(half));
  most_ = most_ == 0 ? half : std::min(most_, half);
  return true;
}

}  // namespace hft
