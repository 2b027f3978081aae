// What is beside the weights while a model learns: noise (dropout, arXiv:1207.0580) and low-rank
// adapters (arXiv:2106.09685). It belongs to the thread, from the building of a net until its
// gradients are there.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/nn/sequences.h"

namespace hft {

// How likely a number is to be dropped.
struct Noise {
  double hidden = 0;     // of what is added to a residual
  double embedding = 0;  // of embeddings
  double attention = 0;  // of attention's weights
  double inner = 0;      // between the two products of a layer
  double head = 0;       // before the last products
};

// The product of a module's weight and x has scale * b (a x) beside it.
struct LowRank {
  Tensor a, b;       // {rank, in}, {out, rank}
  Tensor magnitude;  // {out}, of each row of the sum of both (arXiv:2402.09353); undefined: as it is
  double scale = 1, dropout = 0;
};

struct Learning {
  Noise noise;
  at::Generator generator;  // draws the noise
  bool evaluates = false;  // no noise, no statistics of the batch
  bool bf16 = false;       // products in bfloat16, as torch.autocast has them
  bool recomputes = false;  // see through()
  // Which of the checkpoint's tensors learn; empty: all.
  std::function<bool(const std::string& name)> trains;
  double jitter = 0;        // see jittered()
  std::vector<Sequences> texts;  // of the batch
  std::vector<std::shared_ptr<const void>> kept;  // what is looked at until the gradients are there
  std::map<std::string, LowRank, std::less<>> adapters;  // by module

  const LowRank* adapter(std::string_view module) const {
    const auto found = adapters.find(module);
    return found == adapters.end() ? nullptr : &found->second;
  }
};

at::Generator generator_of(std::uint64_t seed);

// Of this thread; null: nothing learns.
Learning* learning();
// Makes it so, and has the twins compute everything meanwhile.
class LearningHere {
 public:
  LearningHere(Learning& learning, at::Device device);
  ~LearningHere();
  LearningHere(const LearningHere&) = delete;

 private:
  Learning* before_;
  bool twins_before_, bf16_;
  at::DeviceType device_;
};

// Drops numbers of x with this probability, and makes the others larger; x itself where nothing
// learns.
Tensor dropped(const Tensor& x, double probability);
inline Tensor dropped(const Tensor& x, double Noise::* kind) {
  const Learning* now = learning();
  return now ? dropped(x, now->noise.*kind) : x;
}
inline bool drops(double Noise::* kind) {
  const Learning* now = learning();
  return now && !now->evaluates && now->noise.*kind > 0;
}

// Embeddings [N,D] of one of the batch's texts with uniform noise of at most jitter / sqrt(T D) of a
// text of T tokens (arXiv:2310.05914).
Tensor jittered(const Tensor& x);

// layer(x, …). While a model learns that shall save memory, nothing of it is kept for the gradients: it
// is computed once more when they are wanted, with the same noise. What else it depends on and
// gradients should reach must be parameters (arXiv:1604.06174).
Tensor recomputed(const Tensor& x, std::function<Tensor(const Tensor&)> f);
template <class Layer, class... More>
Tensor through(const Layer& layer, const Tensor& x, const More&... more) {
  if (const Learning* now = learning(); !now || !now->recomputes) return layer(x, more...);
  return recomputed(x, [layer, more...](const Tensor& again) { return layer(again, more...); });
}

// x W^T of a weight that does not learn and is made from what is stored each time: gradients reach x.
Tensor frozen_product(const Tensor& x, std::function<Tensor()> weight);

}  // namespace hft
