// The steps of loading that every kind of model shares.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "core/models/heads/engine.h"
#include "core/models/heads/model.h"
#include "core/nn/weights.h"

namespace hft {

// What --device says. Throws kUsage for another word, kUnsupported when there is no CUDA.
at::Device pick_device(const std::string& name);

// How the request's weights are to be quantised. Throws kUsage for another word.
Quantize quantize_of(const ModelRequest& request);

// Maps the checkpoint of a folder; its type is what --dtype says, for auto the config's, else the
// first floating tensor's. The request's adapters are merged into it, which may change
// `config`.
std::shared_ptr<WeightStore> open_weights(const ModelRequest& request,
                                          const std::filesystem::path& folder, Fields& config,
                                          Renames renames, at::Device device);

// See Engine::merged.
Merged merged_model(const ModelRequest& request);

// How old checkpoints differ from the names the models bind, and what no model uses.
Renames renames_of(std::string_view base);

// At most 20 names; what a hostile config makes up is not printed in full.
std::string listed(const std::vector<std::string>& names);

// What the store has to say, and what nothing was bound to.
void warn_of_unused(const WeightStore& store, std::vector<std::string>& warnings);

}  // namespace hft
