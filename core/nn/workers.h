// Cores that compute together. A model owns a pool of them, or shares one with others; what it
// computes runs on the pool that the calling thread was lent.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace hft {

// A caller and its threads, which start when they are first wanted, stay between calls and listen
// for a while before they sleep, so that sharing out a product costs about a microsecond.
class Pool {
 public:
  // Of `cores` cores, the caller's among them; 0: all that the process may use.
  explicit Pool(int cores = 0);
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  ~Pool();

  int cores() const;
  // As on_each_core; false, and nothing is done, while another caller has the pool.
  bool try_run(int count, const std::function<void(int)>& f);

 private:
  class Team;
  std::unique_ptr<Team> team_;
};

// Lends a pool to the calling thread for as long as the object lives; null: it computes alone.
// LibTorch keeps to one thread meanwhile: its own would be in the way of ours, and its sums would
// depend on their number.
class OnPool {
 public:
  explicit OnPool(Pool* pool);
  OnPool(const OnPool&) = delete;
  OnPool& operator=(const OnPool&) = delete;
  ~OnPool();

 private:
  Pool* before_;
  int libtorch_before_;
};

// Work on fewer tokens is not worth another thread.
constexpr std::int64_t kSharedTokens = 96;

// Cores that the calling thread may share its work out to.
int cores();

// Calls f(0) on the calling thread and f(1) … f(count - 1) on others of its pool at the same time,
// one after another where it has none or the others are busy with another caller; rethrows what the
// first of them throws when all have ended. LibTorch runs on one thread inside the others.
void on_each_core(int count, const std::function<void(int)>& f);

}  // namespace hft
