// What an architecture file gives the engine: an encoder and the head that was asked for.
#pragma once

#include <cstdint>
#include <functional>

#include "core/base/json.h"
#include "core/models/heads/text_model.h"
#include "core/nn/linear.h"
#include "core/nn/sequences.h"

namespace hft {

// What a model looks at beside its tokens; 0 channels: nothing.
struct PageSight {
  std::int64_t channels = 0, height = 0, width = 0;
};

struct TextNet {
  // Last hidden states of tokens.rows, [R,D].
  std::function<Tensor(const Tokens&)> encode;
  // What the head makes of them; empty for kEmbed and kFeatures.
  //   kClassify [B,D] of the first tokens -> [B,L]    kTokenClassify [N,D] -> [N,L]
  //   kAnswer [N,D] -> [N,2]                          kMaskedLm [R,D] -> [R,V]
  std::function<Tensor(const Tensor&)> head;
  std::int64_t vocab = 0;      // ids are in [0, vocab)
  std::int64_t types = 0;      // token types; 0: the architecture has none
  std::int64_t positions = 0;  // tokens one sequence may have
  std::int64_t places = 0;     // sides of boxes are in [0, places); 0: the architecture has none
  PageSight page{};
  std::int64_t hidden = 0;     // D
  bool reads_nothing = false;  // a sequence may have no tokens
  std::int64_t trained_positions = 0;  // as DecoderNet's
};

// Labels of a classification head: as many as id2label has, else num_labels, else 2.
std::int64_t label_count(const Fields& config);

// hidden / heads, checked.
std::int64_t head_size(const Fields& config, std::int64_t hidden, std::int64_t heads);

// Of `heads` those that config's pruned_heads leaves in a layer.
std::int64_t heads_left(const Fields& config, std::int64_t layer, std::int64_t heads);

// kUnsupported unless positions are absolute, the only kind of today's checkpoints.
void need_absolute_positions(const Fields& config);

// The product {vocab, size} that turns hidden states into vocabulary logits. Tied to the embedding
// at `table` unless config says otherwise; then the file's own copy of the weight, if any, is not used.
// The bias is `at`.bias, or `at`.decoder.bias in files that spell it so.
Linear vocabulary_product(const Fields& config, const Weights& decoder, const Weights& at,
                          const Weights& table, std::int64_t size);

// A head that is one product, {out, hidden}.
inline std::function<Tensor(const Tensor&)> linear_head(const Weights& w, std::int64_t out,
                                                        std::int64_t hidden) {
  return [product = Linear(w, {out, hidden})](const Tensor& x) { return product(x); };
}

// Keeps the rows that are wanted after the last layer's attention: the rest is not needed.
inline Tensor wanted(const Tensor& x, const Tokens& tokens, bool last) {  // [N,D] -> [R,D]
  return last && tokens.rows.defined() ? x.index_select(0, tokens.rows) : x;
}

}  // namespace hft
