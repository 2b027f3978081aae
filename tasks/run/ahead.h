// Inputs read and prepared ahead of the model, on threads of their own, and taken in the order they
// were read. They are read in pieces of some size, so that threads meet seldom.
#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "tasks/run/records.h"
#include "tasks/run/rows.h"

namespace hft {

// That read and prepare pictures ahead: a thread for each core, up to eight.
unsigned reader_threads();

class Job;
// What an input becomes for the worker; null when it needs none. Throws this input's error.
using PrepareJob = std::function<std::unique_ptr<Job>(const Input&)>;

// An input on its way from the reader to the writer.
struct Item {
  Input input;
  std::optional<Kept> kept;  // the record of an earlier run
  std::unique_ptr<Job> job;
  std::optional<Error> error;
  bool finished = false;
};

class Ahead {
 public:
  // `prepare` is called from as many threads. `slow`: an input may take long; it is prepared by
  // itself, and take() does not wait for it unless it is patient.
  Ahead(InputReader& reader, Sink& sink, PrepareJob prepare, unsigned threads, bool slow = false);
  ~Ahead();

  // The next input. None at the end; with `patient` false, none either while the next input has
  // still to be written by another program. What reading throws, it throws.
  std::unique_ptr<Item> take(bool patient);
  bool ended() const { return ended_for_taker_; }

 private:
  struct Piece {
    std::vector<std::unique_ptr<Item>> items;
    std::exception_ptr failure;
    bool done = false;
  };
  void run();
  Piece* next_piece();
  bool read(Piece& piece);
  void prepare_all(Piece& piece);

  InputReader& reader_;
  Sink& sink_;
  PrepareJob prepare_;
  std::size_t most_pieces_;
  bool slow_;
  std::mutex reading_, mutex_;
  std::condition_variable changed_;
  std::deque<std::unique_ptr<Piece>> pieces_;  // in the order they were read
  std::deque<std::unique_ptr<Item>> taken_;    // of the piece in front
  bool ended_ = false, starved_ = false, stopping_ = false, ended_for_taker_ = false;
  std::vector<std::jthread> threads_;  // last: they end before what they use
};

}  // namespace hft
