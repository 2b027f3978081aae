#include "hub/parallel.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace hft::hub {
namespace {

constexpr std::size_t kThreads = 8;

class Pool {
 public:
  void run(const Settings& settings, std::size_t count,
           const std::function<void(Http&, std::size_t)>& work,
           const std::function<void()>& watch) {
    running_ = std::min(kThreads, count);
    std::vector<std::thread> threads;
    for (std::size_t i = 0, n = running_; i < n; ++i)
      threads.emplace_back([&] { serve(settings, count, work); });
    std::unique_lock lock(mutex_);
    while (!done_.wait_for(lock, std::chrono::milliseconds(100), [this] { return running_ == 0; }))
      watch();
    lock.unlock();
    for (auto& thread : threads) thread.join();
    if (error_) std::rethrow_exception(error_);
  }

 private:
  void serve(const Settings& settings, std::size_t count,
             const std::function<void(Http&, std::size_t)>& work) {
    const CancelScope scope(failed_);
    try {
      std::optional<Http> http;
      for (std::size_t i; !failed_ && (i = next_++) < count;) {
        if (!http) http.emplace(settings);
        work(*http, i);
      }
    } catch (...) {
      if (!failed_.exchange(true)) error_ = std::current_exception();
    }
    const std::lock_guard lock(mutex_);
    if (--running_ == 0) done_.notify_all();
  }

  std::atomic<std::size_t> next_{0};
  std::atomic<bool> failed_{false};
  std::exception_ptr error_;
  std::mutex mutex_;
  std::condition_variable done_;
  std::size_t running_ = 0;
};

}  // namespace

void in_parallel(const Settings& settings, std::size_t count,
                 const std::function<void(Http&, std::size_t)>& work,
                 const std::function<void()>& watch) {
  if (count > 0) Pool().run(settings, count, work, watch);
}

}  // namespace hft::hub
