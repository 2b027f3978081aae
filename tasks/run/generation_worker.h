// The worker of everything that writes text token by token: a step is one token of every live
// sequence, and new inputs join while others are being written.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "core/generation/generator.h"
#include "tasks/run/memory_limit.h"
#include "tasks/run/runner.h"

namespace hft {

// One input's tokens, and what was made of them.
class GenerationJob : public Job {
 public:
  TokenIds prompt;  // what a decoder goes on from, or an encoder reads
  std::vector<Generated> results;

 private:
  friend class GenerationWorker;
  std::int64_t bytes_ = 0;  // kept while it is on its way
  std::int64_t number_ = 0;
};

struct GenerationLimits {
  std::int64_t each = 1;    // sequences one input takes
  std::int64_t most = 1;    // live sequences, but always one input
  std::int64_t refill = 1;  // so many must be free before new inputs start together
};

class GenerationWorker : public Worker {
 public:
  // Starts inputs together: a method on its way for each. Throws when one of them cannot be.
  using Start = std::function<std::vector<std::unique_ptr<Method>>(
      std::span<GenerationJob* const> jobs)>;
  // `bytes` says about how many an input of so many tokens keeps; may be empty.
  GenerationWorker(Decoder& decoder, GenerationLimits limits, Start start,
                   std::function<std::int64_t(std::int64_t tokens)> bytes = {});
  bool has_room() const override;
  void admit(Job& job) override;
  bool busy() const override { return !waiting_.empty() || generator_.busy(); }
  std::vector<Finished> step() override;
  bool cancel(Job& job) override;

 private:
  void start(std::span<GenerationJob* const> jobs);
  void run(GenerationJob& job, std::unique_ptr<Method> method);
  void finish(GenerationJob& job, std::optional<Error> error);

  Generator generator_;
  GenerationLimits limits_;
  MemoryLimit memory_;  // of inputs
  Start start_;
  std::function<std::int64_t(std::int64_t)> bytes_;
  std::vector<GenerationJob*> waiting_;  // to be started with the next step
  std::int64_t waiting_tokens_ = 0, kept_ = 0;
  std::vector<Finished> finished_;
};

}  // namespace hft
