// Which part of the inputs this process takes: --shard, else what a job array says.
#pragma once

#include <cstdint>
#include <string>

namespace hft {

struct Shard {
  std::int64_t index = 0, count = 1;
  bool takes(std::int64_t input) const { return input % count == index; }
  // How many of the first n.
  std::int64_t of(std::int64_t n) const { return (n + count - 1 - index) / count; }
};

// `text` is "i/n", or "" for what Slurm, Kubernetes or MPI set in the environment. Throws
// kUsage for another text, and for a job array whose ids leave gaps: there a task cannot know how
// many come before it.
Shard shard_of(const std::string& text);

}  // namespace hft
