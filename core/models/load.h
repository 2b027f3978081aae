// From a model's folder to a model of one kind.
#pragma once

#include <memory>

#include "core/models/heads/model.h"

namespace hft {

// Reads config.json, finds the architecture, maps the checkpoint and binds its tensors; `wanted`
// tells the class, as its header declares it.
// Throws kUnsupported for what no architecture serves or a head the checkpoint lacks, kBadData for
// a checkpoint without tensors that config.json implies.
std::unique_ptr<Model> load_model(ModelClass wanted, const ModelRequest& request);

// See Engine::in_codes; of models of texts, as their architecture is built without a head.
StoredTensors weights_in_codes(const ModelRequest& request);

template <class M>
std::unique_ptr<M> load_model(const ModelRequest& request) {
  return std::unique_ptr<M>(static_cast<M*>(load_model(M::kClass, request).release()));
}

}  // namespace hft
