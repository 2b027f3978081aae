// The most memory this process has held (proc(5): VmHWM of status, clear_refs).
#pragma once

#include <cstdlib>
#include <fstream>
#include <string>

namespace hft::test {

// From now on; without the right to, since the process began.
inline void reset_peak() { std::ofstream("/proc/self/clear_refs") << 5; }

inline long peak_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::strtol(line.c_str() + 6, nullptr, 10);
  return 0;
}

}  // namespace hft::test
