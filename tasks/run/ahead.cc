#include "tasks/run/ahead.h"

#include <algorithm>

#include "tasks/run/runner.h"

namespace hft {
namespace {
// A picture is much work and, once prepared, much memory, whatever its name's length.
constexpr std::size_t kPieceBytes = 64 << 10, kInputBytes = 64, kMediaBytes = kPieceBytes / 2;
}  // namespace

Ahead::Ahead(InputReader& reader, Sink& sink, PrepareJob prepare, unsigned threads, bool slow)
    : reader_(reader),
      sink_(sink),
      prepare_(std::move(prepare)),
      most_pieces_(threads + 2),
      slow_(slow) {
  for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
}

Ahead::~Ahead() {
  reader_.cancel();
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
}

std::unique_ptr<Item> Ahead::take(bool patient) {
  if (taken_.empty()) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] {
      if (slow_ && !patient) return true;
      return pieces_.empty() ? ended_ || (starved_ && !patient) : pieces_.front()->done;
    });
    ended_for_taker_ = pieces_.empty() && ended_;
    if (pieces_.empty() || !pieces_.front()->done) return nullptr;
    const auto piece = std::move(pieces_.front());
    pieces_.pop_front();
    changed_.notify_all();
    if (piece->failure) std::rethrow_exception(piece->failure);
    for (auto& item : piece->items) taken_.push_back(std::move(item));
  }
  auto item = std::move(taken_.front());
  taken_.pop_front();
  return item;
}

void Ahead::run() {
  while (Piece* piece = next_piece()) {
    if (!piece->failure) prepare_all(*piece);
    std::lock_guard lock(mutex_);
    piece->done = true;
    changed_.notify_all();
  }
}

// Reads a piece into the queue when there is room; null at the end.
Ahead::Piece* Ahead::next_piece() {
  std::lock_guard reading(reading_);
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return stopping_ || ended_ || pieces_.size() < most_pieces_; });
    if (stopping_ || ended_) return nullptr;
  }
  auto piece = std::make_unique<Piece>();
  bool more = true;
  try {
    more = read(*piece);
  } catch (...) {
    piece->failure = std::current_exception();
    more = false;
  }
  std::lock_guard lock(mutex_);
  ended_ = !more;
  starved_ = false;
  changed_.notify_all();
  if (piece->items.empty() && !piece->failure) return nullptr;
  if (piece->failure && !piece->items.empty()) {  // those before it are still worth their while
    auto good = std::make_unique<Piece>();
    good->items = std::move(piece->items);
    pieces_.push_back(std::move(good));
    piece->items.clear();
    piece->done = true;
    Piece* const prepared = pieces_.back().get();
    pieces_.push_back(std::move(piece));
    return prepared;
  }
  pieces_.push_back(std::move(piece));
  return pieces_.back().get();
}

// Enough inputs to be worth a thread's while, fewer when they come slowly; false at the end.
bool Ahead::read(Piece& piece) {
  for (std::size_t bytes = 0; bytes < kPieceBytes;) {
    if (!reader_.ready()) {
      if (!piece.items.empty()) return true;
      std::lock_guard lock(mutex_);
      starved_ = true;
      changed_.notify_all();
    }
    auto input = reader_.next();
    if (!input) return false;
    auto item = std::make_unique<Item>();
    item->input = std::move(*input);
    item->error = item->input.error;
    if (!item->error) item->kept = sink_.reuse(item->input);
    for (const auto& value : item->input.values) {
      if (!value) continue;
      const auto* text = std::get_if<std::string>(&*value);
      bytes += text ? text->size() : kMediaBytes;
    }
    bytes += kInputBytes;
    piece.items.push_back(std::move(item));
    if (slow_) break;
  }
  return true;
}

void Ahead::prepare_all(Piece& piece) {
  for (auto& item : piece.items) {
    if (item->kept || item->error) continue;
    try {
      item->job = prepare_(item->input);
    } catch (const Error& e) {
      if (e.code == Errc::kResources) {
        piece.failure = std::current_exception();
        return;
      }
      item->error = e;
    } catch (...) {
      piece.failure = std::current_exception();
      return;
    }
  }
}

unsigned reader_threads() { return std::clamp(std::thread::hardware_concurrency(), 1u, 8u); }

}  // namespace hft
