// DeBERTa's attention (arXiv:2006.03654): the score of a query and a key has a part for what both
// say, one for what the query says and where the key stands, and one for where the query stands and
// what the key says. Where they stand is how far one is from the other.
#pragma once

#include <functional>
#include <memory>

#include "core/nn/sequences.h"

namespace hft {

// The rows of a table of relative positions {2 span, D}, by the position of the query less that of
// the key: `span` for none. Distances past the table take its first or last row.
struct RelativeRows {
  std::int64_t span = 0;
  // > 0: distances above half of it share rows, logarithmically more the further they are; those
  // of `farthest` - 1 have the last row of their own.
  std::int64_t buckets = 0;
  std::int64_t farthest = 0;
  std::int64_t row(std::int64_t distance) const;
};

class DisentangledAttention {
 public:
  // Rows of the table by their number, [R] int64 -> [R, H*E]; empty: the scores lack that part.
  using Projection = std::function<Tensor(const Tensor& rows)>;

  // scale: of all parts of the scores.
  DisentangledAttention(std::int64_t heads, double scale, RelativeRows rows, Projection keys,
                        Projection queries);

  // qkv as attend()'s. Returns [N, H*E].
  Tensor operator()(const Tensor& qkv, const Sequences& seqs) const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace hft
