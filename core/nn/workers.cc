#include "core/nn/workers.h"

#include <ATen/Parallel.h>

#include <atomic>
#include <exception>
#include <mutex>
#include <thread>

namespace hft {
namespace {

thread_local int cores_here = 0;  // 0: not set

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

class Team {
 public:
  bool try_run(int count, const std::function<void(int)>& f) {
    if (busy_.test_and_set(std::memory_order_acquire)) return false;
    while (members_ < count) start(members_++);
    f_ = &f;
    count_ = count;
    left_.store(members_, std::memory_order_relaxed);
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
  void start(int member) {
    std::thread([this, member, seen = round_.load()]() mutable {
      at::set_num_threads(1);
      cores_here = 1;
      for (;;) {
        await_change(round_, seen);
        ++seen;
        take_part(member);
      }
    }).detach();
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
  int count_ = 0, members_ = 1;  // the caller is one of them
  std::exception_ptr first_;
};

Team& team() {
  static Team& team = *new Team;  // never destroyed: its threads run until the program ends
  return team;
}

}  // namespace

int cores() {
  static const int all = at::get_num_threads();
  return cores_here > 0 ? cores_here : all;
}

ThreadCount::ThreadCount(int wanted) : before_(cores_here) {
  cores_here = wanted > 0 ? wanted : cores();
  libtorch_before_ = at::get_num_threads();
  if (libtorch_before_ != 1) at::set_num_threads(1);
}

ThreadCount::~ThreadCount() {
  cores_here = before_;
  if (libtorch_before_ != 1) at::set_num_threads(libtorch_before_);
}

void on_each_core(int count, const std::function<void(int)>& f) {
  if (count > 1 && team().try_run(count, f)) return;
  for (int i = 0; i < count; ++i) f(i);
}

}  // namespace hft
