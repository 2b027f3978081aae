// y = x W^T + b and what is done with y right after. Linear alone knows how weights are stored and
// computed with: models name their parts and never see precision or layout.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "core/nn/activation.h"
#include "core/nn/weights.h"

namespace hft {

class Linear {
 public:
  // How a checkpoint has a weight that is used as {out, in}, where not just so.
  struct Stored {
    bool transposed = false;  // {in, out}
    // Rows [groups, kinds, E], used as [kinds, groups, E]: each head's query, key and value together.
    std::int64_t groups = 0, kinds = 0;
    std::int64_t begin = 0, of = 0;  // the rows from `begin` on of {of, in}
    bool fused = false;  // the names end with "_weight" and "_bias"
    // The slab-th matrix of {slabs, rows, in}, or {slabs, in, rows}, whose name has no ".weight"; its
    // bias, {slabs, rows}, ends with "_bias".
    std::int64_t slab = 0, slabs = 0;
    // The sizes below the first of a convolution's weight, {out, channels, height, width}: in all `in`.
    std::vector<std::int64_t> kernel = {};
    std::int64_t taps = 0;  // {out, in / taps, taps}, used as {out, taps, in / taps}
  };
  struct Part {
    std::string name;
    std::int64_t out;
    Stored stored = {};
    bool biased = true;  // false: where the others have a bias, its own is 0
    bool as_stored = false;  // never quantised
  };

  Linear() = default;
  // Binds `weight` {out, in} and, with `bias`, `bias` {out}.
  Linear(const Weights& w, std::array<std::int64_t, 2> shape, bool bias = true);
  // Several products of one input as one: the outputs stand side by side, [N, sum of out].
  Linear(const Weights& w, const std::vector<Part>& parts, std::int64_t in, bool bias = true);
  // Binds `weight` {out, in}, which may be an embedding's too and is never quantised; the bias is
  // another's, or undefined.
  Linear(const Weights& w, std::array<std::int64_t, 2> shape, Tensor bias);
  // act(gate(x)) * up(x) of two parts of equally many outputs.
  static Linear gated(const Weights& w, const std::array<Part, 2>& gate_up, std::int64_t in,
                      Activation activation, bool bias = false);

  // [N, in] -> [N, out]
  Tensor operator()(const Tensor& x, Activation activation = Activation::kNone) const;
  // residual + this product; residual is overwritten where that saves memory.
  Tensor plus(const Tensor& x, Tensor residual) const;
  // In float32 whatever is computed with: logits. Into `out` [N, out], or a new tensor.
  Tensor in_float(const Tensor& x, Tensor out = {}) const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace hft
