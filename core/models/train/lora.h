// Low-rank adapters while they are trained. The model computes with W + s B A, a weight like any
// other; what its gradient G says of B and A follows from the chain rule: s G A' and s B' G.
// Reference: peft 0.21 (tuners/lora/layer.py), whose files it writes.
#pragma once

#include "core/models/train/optimizer.h"
#include "core/nn/weights.h"

namespace hft {

class Lora {
 public:
  // Draws A as PEFT does after set_seed. `names`: the model's tensors in the order of its modules.
  // Throws kUsage for a target that fits none of them.
  Lora(const LoraSettings& settings, const WeightStore& store,
       const std::vector<std::string>& names, std::uint64_t seed);

  std::vector<Trained>& trained() { return trained_; }
  void gather_gradients();  // from those of the weights
  void apply();             // to the weights
  // A trained tensor's name in adapter_model.safetensors.
  static std::string name_in_file(const std::string& name) { return "base_model.model." + name; }

 private:
  struct Pair {
    Tensor weight, before;  // before: without the adapter
    std::size_t a, b;       // in trained_
    bool transposed;        // the weight is {in, out}
  };
  void add(const std::string& name, const Tensor& weight, const at::Generator& generator);
  LoraSettings settings_;
  std::vector<Pair> pairs_;
  std::vector<std::pair<Tensor, std::size_t>> whole_;
  std::vector<Trained> trained_;
};

}  // namespace hft
