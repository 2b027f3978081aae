// The language model that LLaVA and its kin have in them.
#pragma once

#include "core/models/decoder_net.h"
#include "core/nn/weights.h"

namespace hft {

// Of config's text_config, whose model_type is `fallback` where it says nothing, at "language_model"
// below `w`. Throws kUnsupported for one that does not serve there.
DecoderNet language_model_of(const Fields& config, const Weights& w, const char* fallback);

}  // namespace hft
