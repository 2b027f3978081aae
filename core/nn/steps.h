// What one pass of a decoder reads: new tokens of several sequences laid end to end, [N], after
// what their cache holds. Only attention and positions look at the boundaries.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/nn/kv_cache.h"

namespace hft {

struct Step {
  int sequence = 0;
  std::int64_t begin = 0, count = 0;  // rows of this pass
  std::int64_t past = 0;              // positions before the first of them
  std::int64_t total = 0;             // positions once all that was fed with them is in
  int source = 0;                     // in Steps::sources: the text an encoder read for it
  std::int64_t shift = 0;  // of rotary positions: what pictures before these rows left out or added
};

// Pictures in rows of a pass.
struct SeenRows {
  Tensor rows;                  // [K] int64; undefined: none
  Tensor embeddings;            // [K,D] in place of those of the ids
  std::vector<Tensor> deeper;   // [K,D] what is added after each of the first layers

  Tensor in(Tensor x) const {
    return rows.defined() ? x.index_copy(0, rows, embeddings) : x;
  }
  Tensor plus(Tensor x, std::size_t layer) const {
    return layer < deeper.size() ? x.index_add(0, rows, deeper[layer]) : x;
  }
};

struct Steps {
  std::vector<Step> steps;
  KvCache* cache = nullptr;
  const KvCache* sources = nullptr;  // what cross-attention sees; null: no encoder
  // The same of layer i as the encoder gave it, keys and values [N, 2*H*E] with the rows of a
  // step's source `seen_rows[source]` …, where gradients should reach it; empty: the cache serves.
  std::vector<Tensor> seen = {};
  std::map<int, std::int64_t> seen_rows = {};
  // Set only where somebody wants to know what the source is looked at with: is called with the
  // queries [N, H*E] of each layer's cross-attention.
  std::function<void(std::int64_t layer, const Tensor& queries)> asked = {};
  Tensor ids;        // [N] int64
  Tensor positions;  // [N] int64
  SeenRows pictures = {};
  // [N,3] int64: time, row and column by which each token turns; undefined: its position is all three.
  Tensor axes = {};
  Tensor rows;       // [R] int64: whose hidden states are wanted, ascending; undefined: all
  // As in Tokens: set only to find where a NaN or infinity first shows.
  std::function<void(const std::string& layer, const Tensor& output)> watch;
  void note(const std::string& layer, const Tensor& output) const {
    if (watch) watch(layer, output);
  }
  // Positions of the longest sequence once the pass is over.
  std::int64_t longest() const {
    std::int64_t most = 0;
    for (const auto& step : steps) most = std::max(most, step.past + step.count);
    return most;
  }
  // The rows that are wanted, once the last layer's attention has seen all.
  Tensor wanted(const Tensor& x, bool last) const {
    return last && rows.defined() ? x.index_select(0, rows) : x;
  }
};

}  // namespace hft
