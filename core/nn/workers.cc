#include "core/nn/workers.h"

#include <ATen/Parallel.h>

#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace hft {
namespace {

thread_local Pool* pool_here = nullptr;

// Looks for a change this often before it sleeps: some 50 microseconds, longer than what a model
// does between two products.
constexpr int kLooks = 2000;

inline void breathe() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

// Waits until `value` is no longer `old`.
template <class T>
void await_change(const std::atomic<T>& value, T old) {
  for (int i = 0; i < kLooks; ++i) {
    if (value.load(std::memory_order_acquire) != old) return;
    breathe();
  }
  value.wait(old, std::memory_order_acquire);
}

}  // namespace

class Pool::Team {
 public:
  explicit Team(int cores) : cores_(cores) {}
  ~Team() {
    ended_ = true;
    round_.fetch_add(1, std::memory_order_release);
    round_.notify_all();
    for (auto& thread : threads_) thread.join();
  }
  int cores() const { return cores_; }

  bool try_run(int count, const std::function<void(int)>& f) {
    if (busy_.test_and_set(std::memory_order_acquire)) return false;
    while (static_cast<int>(threads_.size()) + 1 < count) start();
    f_ = &f;
    count_ = count;
    left_.store(static_cast<int>(threads_.size()) + 1, std::memory_order_relaxed);
    round_.fetch_add(1, std::memory_order_release);
    round_.notify_all();
    take_part(0);
    for (int left; (left = left_.load(std::memory_order_acquire)) != 0;) await_change(left_, left);
    const auto first = std::exchange(first_, nullptr);
    busy_.clear(std::memory_order_release);
    if (first) std::rethrow_exception(first);
    return true;
  }

 private:
  void start() {
    const int member = static_cast<int>(threads_.size()) + 1;
    threads_.emplace_back([this, member, seen = round_.load()]() mutable {
      at::set_num_threads(1);
      for (;;) {
        await_change(round_, seen);
        if (ended_) return;
        ++seen;
        take_part(member);
      }
    });
  }

  void take_part(int member) {
    try {
      if (member < count_) (*f_)(member);
    } catch (...) {
      const std::lock_guard lock(guard_);
      if (!first_) first_ = std::current_exception();
    }
    if (left_.fetch_sub(1, std::memory_order_acq_rel) == 1) left_.notify_all();
  }

  std::atomic_flag busy_;
  std::mutex guard_;
  std::atomic<unsigned> round_ = 0;
  std::atomic<int> left_ = 0;
  const std::function<void(int)>* f_ = nullptr;
  int count_ = 0;
  std::exception_ptr first_;
  const int cores_;
  std::vector<std::thread> threads_;  // beside the caller's
  std::atomic<bool> ended_ = false;
};

Pool::Pool(int cores) {
  static const int all = at::get_num_threads();  // before OnPool lowers it
  team_ = std::make_unique<Team>(cores > 0 ? cores : all);
}

Pool::~Pool() = default;

int Pool::cores() const { return team_->cores(); }

bool Pool::try_run(int count, const std::function<void(int)>& f) {
  return team_->try_run(count, f);
}

OnPool::OnPool(Pool* pool) : before_(pool_here), libtorch_before_(at::get_num_threads()) {
  pool_here = pool;
  if (libtorch_before_ != 1) at::set_num_threads(1);
}

OnPool::~OnPool() {
  pool_here = before_;
  if (libtorch_before_ != 1) at::set_num_threads(libtorch_before_);
}

int cores() { return pool_here ? pool_here->cores() : 1; }

void on_each_core(int count, const std::function<void(int)>& f) {
  if (count > 1 && pool_here && pool_here->try_run(count, f)) return;
  for (int i = 0; i < count; ++i) f(i);
}

}  // namespace hft
