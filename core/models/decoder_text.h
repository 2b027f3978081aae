// A decoder that reads texts instead of writing them: sequence classification and embeddings.
#pragma once

#include "core/models/decoder_net.h"
#include "core/models/text_net.h"

namespace hft {

// kClassify puts `score` on the hidden state of the last token that is no padding.
TextNet text_net_of(DecoderNet net, const Fields& config, const Weights& w, Head head);

}  // namespace hft
