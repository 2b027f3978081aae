// Processes that do one work together, without a word of how their numbers travel. All of them call
// the same functions in the same order. Whoever of them ends or keeps silent makes these functions
// throw kPeerFailed at the others.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>

#include "core/base/error.h"

namespace hft {

class Ranks {
 public:
  virtual ~Ranks() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;
  virtual int processors() const = 0;  // of this host: this rank's share

  // What is under way; the numbers may be touched again when it was waited for.
  class Pending {
   public:
    virtual ~Pending() = default;
    virtual void wait() = 0;
  };
  // Each number becomes the sum over all ranks, the same bits everywhere.
  virtual std::unique_ptr<Pending> start_sum(std::span<float> numbers) = 0;
  // Each number becomes that of one rank.
  virtual std::unique_ptr<Pending> start_broadcast(std::span<float> numbers, int from) = 0;
  virtual void sum(std::span<double> numbers) = 0;
  virtual std::string broadcast(const std::string& bytes, int from) = 0;
};

// One process by itself.
std::unique_ptr<Ranks> alone();

// What rank 0 failed with, on the others: they end as it does, and it alone tells.
struct FirstFailed : Error {
  using Error::Error;
};
// Rank 0 does it while the others wait; what it throws, all throw.
void on_first(Ranks& ranks, const std::function<void()>& f);

}  // namespace hft
