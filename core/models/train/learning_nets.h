// The nets that learn, a row of a table for each kind of model: which architecture serves it, and
// how the logits of a batch come of it.
#pragma once

#include <functional>
#include <vector>

#include "core/models/architecture.h"
#include "core/models/heads/trainee.h"

namespace hft {

struct LearnedLogits {
  Tensor all;                      // of the batch's rows; kPairs: its vectors
  std::vector<std::int64_t> rows;  // kCtc: moments of each sound
};

struct LearningNet {
  std::function<LearnedLogits(const TrainBatch&)> logits;
  std::int64_t positions = INT64_MAX;         // tokens a text may have
  std::int64_t source_positions = INT64_MAX;  // that is read, where another is written
  std::int64_t stride = 1;                    // kCtc: samples from one moment to the next
};

struct LearnerKind {
  const Architecture& (*architecture)(const Fields& config, Objective objective);
  LearningNet (*build)(const Architecture& a, const TrainRequest& request, const Fields& config,
                       const Weights& w);
};
const LearnerKind& kind_of(Learner learner);

}  // namespace hft
