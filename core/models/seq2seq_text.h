// An encoder-decoder that reads: sequence classification and question answering on what its decoder
// makes of the same text, token classification and embeddings on its encoder alone.
#pragma once

#include "core/models/seq2seq_net.h"
#include "core/models/text_net.h"

namespace hft {

// Binds the head's tensors at `w`. The decoder's text begins with decoder_start_token_id, or with
// the text's own last token.
TextNet text_net_of(Seq2SeqNet net, const Fields& config, const Weights& w, Head head,
                    bool starts_with_last);

}  // namespace hft
