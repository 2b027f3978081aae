// The tower of CLIP or SigLIP that sees, for models that have it in them.
#pragma once

#include "core/models/vision/vit.h"

namespace hft {

// `config` is a vision_config, `w` where its embeddings and encoder are; only the first `blocks` are
// there. Throws kUnsupported for another kind of tower.
Vit clip_tower(const Fields& config, const Weights& w, std::int64_t blocks);

}  // namespace hft
