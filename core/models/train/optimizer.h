// Optimisers as torch.optim, transformers and bitsandbytes compute them, over tensors and gradients
// that are the caller's. AdamW: arXiv:1711.05101, in 8 bits arXiv:2110.02861. Adafactor:
// arXiv:1804.04235.
#pragma once

#include <map>
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
  Tensor gradient = {};  // of this step; undefined: it stays as it is
  // What the optimiser remembers, made when it is first wanted, by the names that torch gives it.
  std::map<std::string, Tensor, std::less<>> memory = {};
};

// The norm of all gradients together, which are cut to `most` where they are longer (0: never).
double clip(std::vector<Trained>& all, double most);

// One step; `number` counts from 1.
void step(const OptimizerSettings& settings, std::vector<Trained>& all, double rate,
          std::int64_t number);

}  // namespace hft
