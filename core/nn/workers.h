// Cores that compute together. The threads stay between calls and listen for a while before they
// sleep, so that sharing out a product costs about a microsecond.
#pragma once

#include <functional>

namespace hft {

// Cores that the calling thread may share its work out to.
int cores();

// Sets it for as long as the object lives; 0 leaves it. LibTorch keeps to one thread meanwhile: its
// own would be in the way of ours, and its sums would depend on their number.
class ThreadCount {
 public:
  explicit ThreadCount(int wanted);
  ThreadCount(const ThreadCount&) = delete;
  ThreadCount& operator=(const ThreadCount&) = delete;
  ~ThreadCount();

 private:
  int before_, libtorch_before_;
};

// Calls f(0) on the calling thread and f(1) … f(count - 1) on others at the same time, one after
// another where the others are busy with another caller; rethrows what the first of them throws
// when all have ended. LibTorch runs on one thread inside the others.
void on_each_core(int count, const std::function<void(int)>& f);

}  // namespace hft
