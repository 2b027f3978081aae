// What an architecture file of an encoder-decoder gives the engine.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "core/models/decoder_net.h"
#include "core/models/heads/decoder.h"
#include "core/models/image_net.h"
#include "core/nn/sequences.h"

namespace hft {

// What an encoder hears: windows of sounds, all of one length.
struct Sounds {
  Tensor features;  // [B,T,M]
  // As in Tokens: set only to find where a NaN or infinity first shows.
  std::function<void(const std::string& layer, const Tensor& output)> watch;
  void note(const std::string& layer, const Tensor& output) const {
    if (watch) watch(layer, output);
  }
};

// What an encoder saw in pictures.
struct PictureStates {
  Tensor x;        // [N,D]
  Sequences seqs;  // of each picture
};

struct Seq2SeqNet {
  // The encoder's last hidden states, [N,D], of texts, of sounds or of pictures: one is set.
  std::function<Tensor(const Tokens&)> encode;
  std::function<Tensor(const Sounds&)> hear;
  std::function<PictureStates(const Pictures&)> see;
  // Where it sees and is asked: the states of questions [N,D], question b to picture of[b].
  std::function<Tensor(const Tokens& questions, const PictureStates& seen,
                       std::span<const std::int32_t> of)>
      ask;
  // What cross-attention layer i sees of them: keys and values side by side, [N, 2*H*E].
  std::function<Tensor(const Tensor& encoded, std::int64_t layer)> seen;
  std::vector<CacheLayer> sources;    // what is kept of it
  std::int64_t source_vocab = 0;      // ids of source texts are in [0, source_vocab)
  std::int64_t source_positions = 0;  // tokens a source text may have; a window or picture has
  Seq2SeqLm::Hearing hearing = {};
  // Its Steps have sources.
  DecoderNet decoder;
};

// What the float16 layers of the reference do with sums beyond the type. x is overwritten.
Tensor within_half(Tensor x);

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
