// Work in pieces on every core: pieces are read one after another, worked on side by side, and
// taken in the order they were read. At most a few pieces are in memory.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace hft {

template <class Piece>
class Pipeline {
 public:
  // read() gives the next piece, none at the end; it is never called twice at once. work() changes
  // a piece, on any thread. What either throws, take() throws once all before it was taken.
  Pipeline(std::function<std::optional<Piece>()> read, std::function<void(Piece&)> work)
      : read_(std::move(read)), work_(std::move(work)) {
    const unsigned threads = std::clamp(std::thread::hardware_concurrency(), 1U, kMostThreads);
    most_ = threads + 2;
    for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
  }
  ~Pipeline() {
    {
      std::lock_guard lock(mutex_);
      ended_ = true;
    }
    changed_.notify_all();
  }

  // The next piece, worked on; none at the end.
  std::optional<Piece> take() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return queue_.empty() ? ended_ : queue_.front()->done; });
    if (queue_.empty()) return std::nullopt;
    if (queue_.front()->failure) std::rethrow_exception(queue_.front()->failure);
    std::optional<Piece> piece = std::move(queue_.front()->piece);
    queue_.pop_front();
    changed_.notify_all();
    return piece;
  }

 private:
  static constexpr unsigned kMostThreads = 16;
  struct Slot {
    Piece piece;
    std::exception_ptr failure;
    bool done = false;
  };

  void run() {
    while (Slot* slot = next()) {
      try {
        work_(slot->piece);
      } catch (...) {
        slot->failure = std::current_exception();
      }
      std::lock_guard lock(mutex_);
      slot->done = true;
      ended_ = ended_ || slot->failure;
      changed_.notify_all();
    }
  }

  // Reads a piece into the queue when there is room; null at the end.
  Slot* next() {
    std::lock_guard reading(reading_);
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return ended_ || queue_.size() < most_; });
      if (ended_) return nullptr;
    }
    auto slot = std::make_unique<Slot>();
    bool more = false;
    try {
      std::optional<Piece> piece = read_();
      more = piece.has_value();
      if (more) slot->piece = std::move(*piece);
    } catch (...) {
      slot->failure = std::current_exception();
      slot->done = true;
    }
    std::lock_guard lock(mutex_);
    ended_ = ended_ || !more;
    if (more || slot->failure) queue_.push_back(std::move(slot));
    changed_.notify_all();
    return more ? queue_.back().get() : nullptr;
  }

  std::function<std::optional<Piece>()> read_;
  std::function<void(Piece&)> work_;
  std::mutex reading_, mutex_;
  std::condition_variable changed_;
  std::deque<std::unique_ptr<Slot>> queue_;  // in the order they were read
  std::size_t most_ = 0;
  bool ended_ = false;
  std::vector<std::jthread> threads_;  // last: they end before what they use
};

}  // namespace hft
