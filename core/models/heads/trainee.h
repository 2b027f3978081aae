// A model that learns, without a word of LibTorch: batches in, losses and weights out. The order of
// steps, the learning rate and what is kept on disk are the caller's.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "core/checkpoint/save.h"
#include "core/models/heads/model.h"

namespace hft {

// What the model learns; it tells the head, and how the loss is computed.
enum class Objective {
  kClasses,     // a class for each text: cross-entropy
  kRegression,  // numbers for each text: mean squared error
  kMultiLabel,  // each label by itself: binary cross-entropy
  kTokens,      // a class for each token
  kAnswers,     // first and last token of the answer
  kCausal,      // the next token
  kMasked,      // the tokens that were masked
};

// Low-rank adaptation (arXiv:2106.09685): the model's own weights stay as they are.
struct LoraSettings {
  std::int64_t rank = 0;  // 0: all weights are trained
  double alpha = 8;
  bool rank_stabilised = false;      // alpha / sqrt(rank) in place of alpha / rank
  std::vector<std::string> targets;  // modules: a name, or the end of one after a dot
  std::vector<std::string> trained;  // modules that are trained whole, as PEFT's modules_to_save
  double scale() const {
    const auto r = static_cast<double>(rank);
    return alpha / (rank_stabilised ? std::sqrt(r) : r);
  }
};

struct OptimizerSettings {
  std::string name = "adamw";  // adamw | sgd
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weight_decay = 0;
};

struct TrainRequest {
  ModelRequest model;
  Json config;  // as read_config gives it, with this task's labels
  Objective objective = Objective::kClasses;
  OptimizerSettings optimizer;
  LoraSettings lora;
  double label_smoothing = 0;
  std::uint64_t seed = 42;         // of new weights
  bool ignore_mismatched = false;  // weights of other sizes than the config says are made anew
  bool from_config = false;        // all weights are new, those of the folder are not read
};

struct TrainBatch {
  TokenBatch tokens;  // its rows: those that have a class
  // kClasses [B]; kTokens, kCausal, kMasked: a class for each row, -100: none; kAnswers [B,2].
  std::vector<std::int32_t> classes;
  std::vector<float> targets;  // kRegression, kMultiLabel [B,L]
  // Of how many terms the loss is the mean.
  std::int64_t terms() const {
    const auto counted = targets.empty()
                             ? std::ranges::count_if(classes, [](auto c) { return c >= 0; })
                             : std::ssize(targets);
    return std::max<std::int64_t>(1, counted);
  }
};

class Trainee {
 public:
  virtual ~Trainee() = default;
  virtual const std::vector<std::string>& warnings() const = 0;
  virtual std::int64_t max_positions() const = 0;
  virtual std::int64_t trained_numbers() const = 0;  // how many numbers are trained
  virtual std::int64_t all_numbers() const = 0;

  // Adds the gradients of the batch's loss, the sum of its terms / divisor, which is returned.
  virtual double learn(const TrainBatch& batch, double divisor) = 0;
  // Takes a step at this rate against the gathered gradients, whose norm is returned; a longer one
  // is cut to `max_norm` (0: never). Takes none where the norm is no finite number.
  virtual double update(double rate, double max_norm) = 0;

  struct Predicted {
    Matrix logits;
    double loss = 0;  // the mean of its terms
  };
  virtual Predicted predict(const TrainBatch& batch) = 0;

  // What save_pretrained would write; of LoRA the adapter's own, by PEFT's names. It lives until
  // the next call.
  virtual std::vector<SavedTensor> weights() = 0;
  // What the optimiser remembers.
  virtual std::vector<SavedTensor> memory() = 0;
  // Goes on from there; `memory` empty: with the weights alone.
  virtual void restore(const StoredTensors& weights, const StoredTensors& memory,
                       std::int64_t updates) = 0;

  // torch.randperm(n) of a generator with that seed.
  virtual std::vector<std::int64_t> permutation(std::int64_t n, std::uint64_t seed) = 0;
};

}  // namespace hft
