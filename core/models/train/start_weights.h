// The weights that training starts from: the checkpoint's under the names of the reference, new
// ones where it has none.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "core/models/heads/trainee.h"
#include "core/nn/weights.h"

namespace hft {

struct StartWeights {
  StoredTensors tensors;
  std::set<std::string, std::less<>> names;  // what the model binds
  std::vector<std::string> made;             // of these, those that are new
  std::vector<Tensor> kept;                  // what `tensors` lie in
  // Names in files begin without this: T5's classifiers alone have it.
  std::string dropped_prefix;

  std::string in_file(const std::string& name) const {
    return !dropped_prefix.empty() && name.starts_with(dropped_prefix)
               ? name.substr(dropped_prefix.size())
               : name;
  }
};

// `bind` builds the model of those weights. New weights are drawn as from_pretrained draws them
// after set_seed. Throws kBadData where the encoder's own are missing, kUsage for a head of other
// sizes.
StartWeights start_weights(const TrainRequest& request, const Fields& config,
                           const Renames& renames, StoredTensors tensors,
                           const std::function<void(const Weights&)>& bind);

}  // namespace hft
