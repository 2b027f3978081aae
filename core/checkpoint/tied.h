// Tensors that are one and the same under several names: which of the names a checkpoint keeps.
#pragma once

#include <set>
#include <string>

#include "core/checkpoint/safetensors.h"

namespace hft {

// The names that save_pretrained leaves out, because loading ties them to the name that stays:
// output layers (`lm_head.weight`) if `heads` are tied, and the embeddings of an encoder and a
// decoder if `embeddings` are. Names that are the same tensor for another reason all stay, each
// with a copy.
std::set<std::string> tied_names(const StoredTensors& tensors, bool heads, bool embeddings);

}  // namespace hft
