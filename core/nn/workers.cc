#include "core/nn/workers.h"

#include <ATen/Parallel.h>

#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace hft {

ThreadCount::ThreadCount(int wanted) : before_(at::get_num_threads()) {
  if (wanted > 0 && wanted != before_) at::set_num_threads(wanted);
}

ThreadCount::~ThreadCount() {
  if (at::get_num_threads() != before_) at::set_num_threads(before_);
}

void on_each_core(int count, const std::function<void()>& f) {
  std::exception_ptr first;
  std::mutex guard;
  const auto work = [&] {
    const ThreadCount one(1);
    try {
      f();
    } catch (...) {
      const std::lock_guard lock(guard);
      if (!first) first = std::current_exception();
    }
  };
  {
    std::vector<std::jthread> others;
    for (int i = 1; i < count; ++i) others.emplace_back(work);
    work();
  }
  if (first) std::rethrow_exception(first);
}

}  // namespace hft
