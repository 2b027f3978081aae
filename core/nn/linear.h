// y = x W^T + b and what is done with y right after. Linear alone knows how weights are stored and
// computed with: models never see precision or layout.
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
  struct Part {
    std::string name;
    std::int64_t out;
  };

  Linear() = default;
  // Binds `weight` {out, in} and, with `bias`, `bias` {out}.
  Linear(const Weights& w, std::array<std::int64_t, 2> shape, bool bias = true);
  // Several products of one input as one: the outputs stand side by side, [N, sum of out].
  Linear(const Weights& w, const std::vector<Part>& parts, std::int64_t in, bool bias = true);
  // A weight bound elsewhere (tied), with a bias or an undefined one.
  Linear(const Weights& w, Tensor weight, Tensor bias);
  // act(gate(x)) * up(x), where the weights are {out, in} each.
  static Linear gated(const Weights& w, Tensor gate, Tensor up, Activation activation);

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
