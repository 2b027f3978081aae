// Optimisers as torch.optim computes them, over tensors and gradients that are the caller's.
// AdamW: arXiv:1711.05101.
#pragma once

#include <string>
#include <vector>

#include "core/models/heads/trainee.h"
#include "core/nn/tensor.h"

namespace hft {

// One tensor that is trained.
struct Trained {
  std::string name;
  Tensor value;
  bool decays = true;
  Tensor gradient;       // of this step; undefined: it stays as it is
  Tensor first, second;  // what the optimiser remembers, made when they are first wanted
};

// The norm of all gradients together, which are cut to `most` where they are longer (0: never).
double clip(std::vector<Trained>& all, double most);

// One step; `number` counts from 1.
void step(const OptimizerSettings& settings, std::vector<Trained>& all, double rate,
          std::int64_t number);

}  // namespace hft
