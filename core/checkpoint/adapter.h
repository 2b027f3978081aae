// An adapter of PEFT beside a model's weights: adapter_config.json and adapter_model.safetensors (or
// .bin). LoRA alone is read (arXiv:2106.09685), with rank-stabilised scaling (arXiv:2312.03732) and
// DoRA (arXiv:2402.09353). Reference: peft 0.21.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "core/base/json.h"
#include "core/checkpoint/safetensors.h"

namespace hft {

struct Adapter {
  // What is added to the weight W of one module: scale * B A.
  struct Lora {
    StoredTensor a, b;         // {r, in} and {out, r}; of an embedding {r, count} and {size, r}
    StoredTensor b_bias;       // {out}, scaled and added to the module's bias; no shape: none
    StoredTensor magnitude;    // {out} of DoRA; no shape: none
    bool embedding = false;
    double scale = 1;
  };
  std::string where;                  // the folder
  std::map<std::string, Lora> loras;  // by the module's path in the model
  StoredTensors replaced;             // whole tensors in place of the model's (modules_to_save, bias)
  bool fan_in_fan_out = false;        // weights are stored {in, out}
};

// One of several adapters that are used together, as add_weighted_adapter of PEFT combines them
// ("cat"): the sum of what each adds, times its weight.
struct WeightedAdapter {
  std::filesystem::path folder;
  double weight = 1;
};

// Is there an adapter_config.json?
bool has_adapter(const std::filesystem::path& folder);
Fields read_adapter_config(const std::filesystem::path& folder);

// The weight is part of each scale. Throws kUnsupported naming another kind of adapter, or a setting
// of LoRA that changes what is computed and is not read here; kBadData for tensors that do not fit
// the settings.
Adapter read_adapter(const WeightedAdapter& from);

}  // namespace hft
