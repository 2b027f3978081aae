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
#include "core/models/heads/image.h"
#include "core/models/heads/sound_view.h"
#include "core/ranks/ranks.h"

namespace hft {

// Which kind of model learns.
enum class Learner { kReader, kCausalLm, kSeq2SeqLm, kImage, kSound, kEmbedder };

// What it learns; it tells the head, and how the loss is computed.
enum class Objective {
  kClasses,     // a class for each example: cross-entropy
  kRegression,  // numbers for each example: mean squared error
  kMultiLabel,  // each label by itself: binary cross-entropy
  kTokens,      // a class for each token
  kAnswers,     // first and last token of the answer
  kCausal,      // the next token
  kMasked,      // the tokens that were masked
  kWritten,     // the tokens of the text that is written to another
  kCtc,         // the letters of a sound (Graves et al. 2006)
  kPairs,       // which of the batch's other texts belongs to the first (arXiv:1705.00652)
};

// Low-rank adaptation (arXiv:2106.09685): the model's own weights stay as they are.
struct LoraSettings {
  std::int64_t rank = 0;  // 0: all weights are trained
  double alpha = 8, dropout = 0;
  bool rank_stabilised = false;      // alpha / sqrt(rank) in place of alpha / rank
  bool dora = false;                 // sizes of rows are trained by themselves (arXiv:2402.09353)
  std::vector<std::string> targets;  // modules: a name, or the end of one after a dot
  std::vector<std::string> trained;  // modules that are trained whole, as PEFT's modules_to_save
  double scale() const {
    const auto r = static_cast<double>(rank);
    return alpha / (rank_stabilised ? std::sqrt(r) : r);
  }
};

struct OptimizerSettings {
  std::string name = "adamw";  // adamw | adamw_8bit | adafactor | sgd | adagrad | rmsprop
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weight_decay = 0;
  double momentum = 0;  // of sgd
};

struct TrainRequest {
  ModelRequest model;
  Json config;  // as read_config gives it, with this task's labels
  Learner learner = Learner::kReader;
  Objective objective = Objective::kClasses;
  OptimizerSettings optimizer;
  LoraSettings lora;
  double label_smoothing = 0;
  double dropout = -1;             // of all layers; below 0: as config says
  double neftune_alpha = 0;        // noise of embeddings (arXiv:2310.05914); 0: none
  double pair_scale = 20;          // kPairs: of the cosines
  bool bf16 = false;               // products in bfloat16, as torch.autocast has them
  bool recompute = false;          // layers are computed again for their gradients, to save memory
  std::uint64_t seed = 42;         // of new weights
  bool ignore_mismatched = false;  // weights of other sizes than the config says are made anew
  bool from_config = false;        // all weights are new, those of the folder are not read
};

struct TrainBatch {
  // What is read, or written; kCtc: the letters. Its rows: those that have a class.
  TokenBatch tokens;
  TokenBatch sources;  // kSeq2SeqLm: what is read
  std::vector<PictureView> pictures;
  std::vector<SoundView> sounds;
  std::vector<std::shared_ptr<const void>> kept;  // what those look at
  // kClasses [B]; kTokens, kCausal, kMasked, kWritten: a class for each row, -100: none; kAnswers
  // [B,2].
  std::vector<std::int32_t> classes;
  std::vector<float> targets;  // kRegression, kMultiLabel [B,L]
  std::int64_t columns = 1;    // kPairs: texts of an example; all first ones, all second ones …
  std::uint64_t noise = 0;     // seed of what dropout draws
  // Of how many terms the loss is the mean.
  std::int64_t terms() const {
    if (columns > 1) return tokens.size() / columns;
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

  struct Sharing {
    std::int64_t bucket_bytes = 25 << 20;  // of gradients that are sent together
    bool shards_optimizer = false;         // ZeRO-1 (arXiv:1910.02054)
  };
  // From here on all ranks take one step together, against the sum of their gradients. Their weights
  // become those of rank 0. Throws kUnsupported for a model on a GPU.
  virtual void join(Ranks& ranks, const Sharing& how) = 0;

  // Adds the gradients of the batch's loss, the sum of its terms / divisor, which is returned.
  // `last`: of its step.
  virtual double learn(const TrainBatch& batch, double divisor, bool last) = 0;
  // Takes a step at this rate against the gathered gradients, whose norm is returned; a longer one
  // is cut to `max_norm` (0: never). Takes none where the norm is no finite number.
  virtual double update(double rate, double max_norm) = 0;

  virtual std::int64_t max_source_positions() const = 0;  // kSeq2SeqLm: of what is read
  virtual std::int64_t stride() const = 0;  // kCtc: samples from one moment to the next

  struct Predicted {
    Matrix logits;
    std::vector<std::int64_t> rows;  // kCtc: of each sound
    double loss = 0;  // the mean of its terms
  };
  virtual Predicted predict(const TrainBatch& batch) = 0;

  // What save_pretrained would write; of LoRA the adapter's own, by PEFT's names. It lives until
  // the next call.
  virtual std::vector<SavedTensor> weights() = 0;
  // What the optimiser remembers; with shards of it, all of it at rank 0, and all ranks ask.
  virtual std::vector<SavedTensor> memory() = 0;
  // Goes on from there; `memory` empty: with the weights alone.
  virtual void restore(const StoredTensors& weights, const StoredTensors& memory,
                       std::int64_t updates) = 0;

  // torch.randperm(n) of a generator with that seed.
  virtual std::vector<std::int64_t> permutation(std::int64_t n, std::uint64_t seed) = 0;
};

}  // namespace hft
