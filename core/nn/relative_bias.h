// T5's positions (arXiv:1910.10683): distances fall into buckets, each with a number for every head
// that is added to the scores.
#pragma once

#include "core/nn/weights.h"

namespace hft {

class RelativeBias {
 public:
  struct Buckets {
    std::int64_t count = 0;
    std::int64_t farthest = 0;  // distances from here on share a bucket
    bool both_ways = false;     // later positions have buckets of their own, else that of distance 0
    std::int64_t rows = 0;      // of the table; 0: a row a bucket
    bool by_heads = false;      // the table is {heads, rows}
  };

  RelativeBias() = default;
  // Binds `weight` {rows, heads}, or as `by_heads` says.
  RelativeBias(const Weights& w, std::int64_t heads, Buckets buckets);

  // By the position of the key less that of the query, from -(tokens - 1) to tokens - 1:
  // [H, 2 tokens - 1] float32.
  Tensor operator()(std::int64_t tokens) const;

 private:
  // Of the key `after` places after the query.
  std::int64_t bucket(std::int64_t after) const;

  Tensor weight_;  // {rows, H}
  Buckets buckets_;
};

}  // namespace hft
