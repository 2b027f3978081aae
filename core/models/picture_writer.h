// The halves of an encoder-decoder that was put together of two architectures to write about
// pictures (VisionEncoderDecoder): what one that may be a half gives.
#pragma once

#include "core/models/seq2seq_net.h"

namespace hft {

// Its last hidden states, without a head.
struct PictureEncoder {
  std::function<PictureStates(const Pictures&)> see;
  std::int64_t size = 0, states = 0;  // numbers of a state, states of a picture
};

struct PictureDecoder {
  DecoderNet net;
  std::function<Tensor(const Tensor& encoded, std::int64_t layer)> seen;  // as Seq2SeqNet's
};

}  // namespace hft
