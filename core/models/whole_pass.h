// Whole texts through a decoder in one pass, with a cache that is gone afterwards: for heads that
// read, and for training.
#pragma once

#include "core/models/decoder_net.h"
#include "core/models/seq2seq_net.h"

namespace hft {

// The hidden states of tokens.rows after the last norm, [R,D].
Tensor whole_pass(const DecoderNet& net, const Tokens& tokens, at::ScalarType dtype);

// Those of the decoder's text b after it has seen what the encoder made of source b, in rows
// `sources` of `encoded`. Gradients reach the encoder.
Tensor whole_pass(const Seq2SeqNet& net, const Tensor& encoded, const Sequences& sources,
                  const Tokens& tokens, at::ScalarType dtype);

}  // namespace hft
