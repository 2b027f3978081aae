// Tensors that are one and the same under several names: which of the names a checkpoint keeps.
#pragma once

#include <set>
#include <string>

#include "core/checkpoint/safetensors.h"

namespace hft {

// The names that save_pretrained leaves out, because loading ties them to the name that stays:
// output layers (`lm_head.weight`) unless `heads_are_tied` is false, and the embeddings of an
// encoder and a decoder that share theirs. Names that are the same tensor for another reason all
// stay, each with a copy.
std::set<std::string> tied_names(const StoredTensors& tensors, bool heads_are_tied);

}  // namespace hft
