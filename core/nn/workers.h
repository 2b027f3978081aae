// Cores that each compute by themselves. Operations of LibTorch inside run on one thread each, so
// cores wait for each other once, at the end, and not in every operation.
#pragma once

#include <functional>

namespace hft {

// LibTorch's number of threads of the calling thread, for as long as the object lives. 0 leaves it.
class ThreadCount {
 public:
  explicit ThreadCount(int wanted);
  ThreadCount(const ThreadCount&) = delete;
  ThreadCount& operator=(const ThreadCount&) = delete;
  ~ThreadCount();

 private:
  int before_;
};

// Runs f at once on the calling thread and on count - 1 others; rethrows what the first of them
// throws when all have ended.
void on_each_core(int count, const std::function<void()>& f);

}  // namespace hft
