// The encoder-decoder that BART and its relatives share: what an architecture of the family says
// where config.json has no field for it.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "core/models/picture_writer.h"

namespace hft {

// The vectors of tokens at these positions of their texts, text b in rows starts[b] … starts[b + 1]:
// ids [N], positions [N] -> [N,D].
using PositionVectors = std::function<Tensor(const Tensor& ids, const Tensor& positions,
                                             const std::vector<std::int64_t>& starts)>;

struct BartStyle {
  bool norm_first = false;      // norms before each part and at the end, else after each part
  bool norm_embedding = false;  // layernorm_embedding
  // What the config class has when config.json is silent.
  bool scale_embedding = false;
  std::string_view activation = "gelu";
  bool endless = false;  // positions are made for any length
  // Of the encoder or the decoder at w.
  std::function<PositionVectors(const Fields&, const Weights& w)> positions;
};

Seq2SeqNet build_bart_family(const Fields& config, const Weights& w, const BartStyle& style);
// Its decoder alone, which looks at states of `seen` numbers; 0: as many as its own. head: where
// the weight of the logits is, unless it is the embeddings'.
PictureDecoder bart_picture_decoder(const Fields& config, const Weights& w, std::int64_t seen,
                                    const BartStyle& style, std::string_view head = "lm_head");

// A table in rows from `offset` on; learned, where the checkpoint has it below `embed_positions`.
PositionVectors learned_positions(const Fields& config, const Weights& w);
PositionVectors sinusoidal_positions(const Fields& config, const Weights& w);
// Made for any length, counted from after the padding's id without the padding itself.
PositionVectors counted_positions(const Fields& config, const Weights& w);

}  // namespace hft
