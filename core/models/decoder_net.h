// What an architecture file of a decoder gives the engine.
#pragma once

#include <array>
#include <functional>
#include <vector>

#include "core/base/json.h"
#include "core/base/limits.h"
#include "core/nn/cells.h"
#include "core/nn/linear.h"
#include "core/nn/steps.h"

namespace hft {

struct Pictures;

// The embeddings of a picture.
struct PictureTokens {
  Tensor x;                    // [K,D]
  std::vector<Tensor> deeper;  // [K,D] each: SeenRows::deeper
  Grid grid;                   // of the tokens, where positions look at it
};

// What a decoder that sees has beside: it makes embeddings of pictures.
struct PictureSide {
  std::int32_t token = -1;  // stands where they go; -1: it sees none
  // Of one picture, given as its tiles; `size` and `alone`: that it was given, the only one of its
  // text.
  std::function<PictureTokens(const Pictures& tiles, const Grid& size, bool alone)> see = {};
  bool by_axes = false;  // tokens turn by time, row and column (Steps::axes)
};

struct DecoderNet {
  // The hidden states of the wanted rows after the last norm, [R,D].
  std::function<Tensor(const Steps&)> hidden;
  Linear logits;                                // {V,D}
  std::vector<CacheLayer> cache;                // what each layer keeps
  std::int64_t vocab = 0;                       // V; ids are in [0, vocab)
  std::int64_t positions = limits::kPositions;  // tokens one sequence may have
  // Positions the model was made for, where a sequence may go on past them; 0: `positions` are.
  std::int64_t trained_positions = 0;
  std::int64_t size = 0;  // D
  // Going past this many positions, a sequence is computed anew (Rope::turning_point); 0: never.
  std::int64_t turning_point = 0;
  // What is done to the logits [R,V]; empty: nothing.
  std::function<void(Tensor&)> finish = {};
  PictureSide pictures = {};
};

// Whether a head at `w` takes its weight from the embedding `table`, as config says. Where
// the checkpoint has another weight of its own, transformers 5 goes by it, and so do its files;
// else it is left unused, with a warning.
bool is_tied(const Fields& config, const Weights& w, const Tensor& table, bool tied_by_default);

// The embeddings a head may be tied to, and whether it is where config says nothing.
struct TiedTo {
  Weights table;
  bool by_default;
};
// lm_head {vocab, size}: tied, or with a weight of its own. `w` is the place of the head's own
// tensors.
Linear language_head(const Fields& config, const Weights& w, std::array<std::int64_t, 2> shape,
                     const TiedTo& tie, bool bias = false);

// Layers that slide, as config's layer_types says; else `sliding(i)` does. 0 where a layer sees
// all. `window` 0: none slides.
std::vector<CacheLayer> cache_layers(const Fields& config, std::int64_t layers, CacheLayer layer,
                                     std::int64_t window,
                                     const std::function<bool(std::int64_t)>& sliding);

}  // namespace hft
