// Runs many inputs through one decoder together: those that want tokens fed share each forward,
// those that are done leave, new ones come in as long as there is room.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <vector>

#include "core/base/error.h"
#include "core/generation/method.h"

namespace hft {

class Generator {
 public:
  // Called once for each input: its results, or why it has none. `method` is the finished one.
  using Done =
      std::function<void(std::vector<Generated>, Method& method, const std::optional<Error>&)>;

  // At most so many live sequences, but always one input.
  Generator(Decoder& decoder, std::int64_t most_sequences)
      : decoder_(decoder), most_(most_sequences) {}

  // A new input of `sequences` sequences; its number.
  std::int64_t add(std::unique_ptr<Method> method, std::int64_t sequences, Done done);
  bool busy() const { return !jobs_.empty(); }
  bool has_room(std::int64_t sequences) const {
    return jobs_.empty() || live_ + sequences <= most_;
  }
  std::int64_t live() const { return live_; }
  // One forward for all inputs. An input whose numbers are not finite fails alone; what else
  // Decoder::forward throws is thrown.
  void step();
  // Ends every input now, or one of them, with what it has.
  void stop(Finish finish);
  void stop(std::int64_t number, Finish finish);

 private:
  struct Job {
    std::int64_t number;
    std::unique_ptr<Method> method;
    std::int64_t sequences;
    Done done;
    std::size_t first = 0, count = 0;  // of the feeds
    std::int64_t row = 0, rows = 0;    // of the logits
    std::optional<Error> error;
  };
  void collect();
  void forward();
  void weigh();
  void take();
  std::span<float> part(Matrix& m, const Job& job) const;
  void finish_done();
  Decoder& decoder_;
  std::int64_t most_, live_ = 0, last_number_ = 0;
  std::list<Job> jobs_;
  std::vector<Feed> feeds_;
  Decoded out_;
};

}  // namespace hft
