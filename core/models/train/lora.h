// Low-rank adapters while they are trained (arXiv:2106.09685): which modules have one, their first
// numbers, their names in files. Linear computes with them (nn/learning.h).
// Reference: peft 0.21 (tuners/lora/layer.py), whose files it writes.
#pragma once

#include <set>

#include "core/models/train/optimizer.h"
#include "core/nn/learning.h"
#include "core/nn/weights.h"

namespace hft {

class Lora {
 public:
  // Draws A as PEFT does after set_seed. `tensors`: the model's, in the order of its modules.
  // Throws kUsage for a target that fits none of them.
  Lora(const LoraSettings& settings, const std::vector<WeightStore::Missing>& tensors,
       std::uint64_t seed, at::Device device);

  // Names of the model's own tensors that are trained whole.
  const std::set<std::string, std::less<>>& whole() const { return whole_; }
  // Gives the adapters to `learning`; `store` has the weights that DoRA's sizes begin with, and the
  // parameters that are trained whole. What is trained, in order.
  std::vector<Trained> begin(WeightStore& store, Learning& learning) const;
  // A trained tensor's name in adapter_model.safetensors.
  static std::string name_in_file(const std::string& name) { return "base_model.model." + name; }

 private:
  struct Pair {
    std::string module;
    Tensor a, b;
    std::vector<std::int64_t> shape;  // of the weight
    bool transposed;                  // it is {in, out}
  };
  void add(const WeightStore::Missing& tensor, const at::Generator& generator, at::Device device);
  LoraSettings settings_;
  std::vector<Pair> pairs_;
  std::vector<std::string> order_;  // modules with an adapter, and tensors trained whole
  std::set<std::string, std::less<>> whole_;
};

}  // namespace hft
