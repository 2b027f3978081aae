// What an architecture file of an encoder-decoder gives the engine.
#pragma once

#include <functional>
#include <vector>

#include "core/models/decoder_net.h"
#include "core/nn/sequences.h"

namespace hft {

struct Seq2SeqNet {
  // The encoder's last hidden states, [N,D].
  std::function<Tensor(const Tokens&)> encode;
  // What cross-attention layer i sees of them: keys and values side by side, [N, 2*H*E].
  std::function<Tensor(const Tensor& encoded, std::int64_t layer)> seen;
  std::vector<CacheLayer> sources;    // what is kept of it
  std::int64_t source_vocab = 0;      // ids of source texts are in [0, source_vocab)
  std::int64_t source_positions = 0;  // tokens a source text may have
  // Its Steps have sources.
  DecoderNet decoder;
};

// Keeps what every layer's cross-attention sees of each text; its place in `sources`.
std::vector<int> keep_sources(const Seq2SeqNet& net, const Tensor& encoded, const Sequences& seqs,
                              KvCache& sources);

// The table of an embedding that checkpoints name in several ways: the first of `names` that is
// there is the one, the others are the same and are passed over.
Weights shared_table(const Weights& w, const std::vector<std::string_view>& names);

// lm_head {vocab, size} with final_logits_bias, where the checkpoint has one; tied to `table`
// unless config says otherwise.
Linear seq2seq_head(const Fields& config, const Weights& w, std::array<std::int64_t, 2> shape,
                    const Weights& table, bool tied_by_default = true);

}  // namespace hft
