// A ragged batch: the tokens of all sequences laid end to end, [N], and where each one starts.
// Only attention, positions and pooling look at the boundaries.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/nn/tensor.h"

namespace hft {

struct Sequences {
  std::vector<std::int64_t> starts{0};  // [B+1], the last is N
  at::Device device = at::kCPU;         // of what is computed from them
  std::int64_t count() const { return static_cast<std::int64_t>(starts.size()) - 1; }
  std::int64_t tokens() const { return starts.back(); }
  std::int64_t length(std::int64_t b) const { return starts[b + 1] - starts[b]; }
  std::int64_t longest() const;

  Tensor positions() const;   // [N] 0, 1, 2 … anew in each sequence
  Tensor first_rows() const;  // [B] row of each sequence's first token
  Tensor last_rows() const;   // [B] row of each sequence's last token
};

// The rows of x as one sequence.
inline Sequences one_sequence(const Tensor& x) {
  return {.starts = {0, x.size(0)}, .device = x.device()};
}

// What an encoder reads.
struct Tokens {
  Sequences seqs;
  Tensor ids;       // [N] int64
  Tensor type_ids;  // [N] int64, undefined: all 0
  Tensor boxes;     // [N,4] int64: left, top, right, bottom of each on its page; undefined: none
  std::vector<Tensor> pages;  // [B] pixels [C,H,W] of each page, undefined: unseen; or empty
  // The rows whose last hidden states are wanted, ascending; undefined: all. The last layer need
  // not compute the others.
  Tensor rows;  // [R] int64
  std::vector<std::int64_t> prompts;  // [B] leading tokens that pooling may leave out; empty: none
  // Set only to find where a NaN or infinity first shows: is called with each layer's output.
  std::function<void(const std::string& layer, const Tensor& output)> watch;
  void note(const std::string& layer, const Tensor& output) const {
    if (watch) watch(layer, output);
  }
};

}  // namespace hft
