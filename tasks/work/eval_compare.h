// Two evaluations beside each other: the figures of both on the examples they share, and the
// examples that one got right and the other wrong.
#pragma once

#include <string>
#include <vector>

#include "tasks/work/eval_metrics.h"

namespace hft {

// The examples of both, in the order of the first; told apart by their ids, else by their inputs.
// kUsage when there is none.
struct SharedExamples {
  Examples first, second;
  std::int64_t alone = 0;  // of either that the other does not have
};
SharedExamples shared_examples(const Examples& first, const Examples& second);

// Records of the examples that went from right to wrong ("lost") or the other way ("gained"), by
// the first metric that says of each whether it is right.
std::vector<Json> flipped(const EvalTask& task, const SharedExamples& shared,
                          const std::vector<Metric>& first, const std::vector<Metric>& second);

}  // namespace hft
