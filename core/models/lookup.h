// Which architecture serves a checkpoint, and the words for those that none serves.
#pragma once

#include <string>
#include <vector>

#include "core/models/architecture.h"
#include "core/models/heads/engine.h"

namespace hft {

// What serves config's model_type as this kind of model; decoders classify and embed as well, and
// so do some encoder-decoders. `head` counts for kText alone. Throws kUnsupported: an unknown
// model_type (with the closest name), a repository's own Python code, a model of another kind
// (with the commands that fit it), a decoder for another head, a quantised checkpoint.
const Architecture& architecture_of(const Fields& config, ModelClass wanted, Head head = Head::kFeatures);

// What serves it with this head on pictures, on sounds.
const Architecture& architecture_of(const Fields& config, ImageHead head);
const Architecture& architecture_of(const Fields& config, SoundHead head);

// The architecture of this model_type, null where there is none.
const Architecture* architecture_named(std::string_view model_type);

// The rows of `hft models`.
std::vector<Support> supported_models();

}  // namespace hft
