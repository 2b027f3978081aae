// How likely a language model finds texts: log-likelihoods of the tokens of continuations, many
// inputs in one pass.
#pragma once

#include <vector>

#include "core/models/heads/decoder.h"
#include "tasks/run/runner.h"

namespace hft {

// A continuation and the tokens that the model sees before it, at least one.
struct Continued {
  std::vector<std::int32_t> context, continuation;
};
struct Likelihood {
  double log_likelihood = 0;
  bool greedy = true;  // the model itself would have gone on so
};

class LikelihoodJob : public Job {
 public:
  std::vector<Continued> parts;
  std::vector<Likelihood> results;  // one for each
};

class LikelihoodWorker : public Worker {
 public:
  // `most` inputs together; 0: as many as the token budget takes.
  LikelihoodWorker(CausalLm& model, std::int64_t most) : model_(model), most_(most) {}
  bool has_room() const override;
  void admit(Job& job) override;
  bool busy() const override { return !waiting_.empty(); }
  std::vector<Finished> step() override;
  bool cancel(Job& job) override;

 private:
  // A part on its way: its sequence has seen the context, and `done` tokens of the continuation
  // have their likelihood.
  struct Live {
    LikelihoodJob* job;
    std::size_t part;
    int sequence = -1;
    std::size_t done = 0;
    const Continued& get() const { return job->parts[part]; }
    std::size_t left() const { return get().continuation.size() - done; }
  };
  void compute(std::span<LikelihoodJob* const> jobs);
  std::vector<Live> read_contexts(std::span<LikelihoodJob* const> jobs);
  void go_on(std::vector<Live>& live);
  void close(std::vector<Live>& live);

  CausalLm& model_;
  std::int64_t most_;
  std::vector<LikelihoodJob*> waiting_;
  std::int64_t tokens_ = 0;
  std::vector<Finished> finished_;
  Decoded decoded_;
};

}  // namespace hft
