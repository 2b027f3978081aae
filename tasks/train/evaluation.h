// What a model is worth on data with labels.
#pragma once

#include <vector>

#include "core/ranks/ranks.h"
#include "tasks/train/examples.h"
#include "tasks/train/token_file.h"

namespace hft {

// The text of letters that were heard, or (`repeats`) written, one each.
using SpokenLetters = std::function<std::string(const std::vector<std::int32_t>&, bool repeats)>;

struct EvaluationSettings {
  std::int64_t batch_size = 8;
  Masking masking;
  SpokenLetters spoken;  // of kCtc
};

// {"eval_loss": …, "eval_accuracy": …}: the loss, weighted by examples as Trainer does (by tokens
// for language models), and the figures of the task; precision, recall and F1 of classes are macro
// averages, of labels micro averages, of token classes those of entities. Ranks take the batches in
// turn, and all know all figures, which are those of one rank.
Json evaluate(Ranks& ranks, Trainee& trainee, const Examples& examples, const Labels& labels,
              const EvaluationSettings& settings);

}  // namespace hft
