// y = x W^T + b, optionally followed by an activation. Linear alone knows how weights are stored
// and computed with: models never see precision or packing.
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
  Linear() = default;
  // Binds `weight` {out, in} and, with `bias`, `bias` {out}.
  Linear(const Weights& w, std::array<std::int64_t, 2> shape, bool bias = true);
  // Several products of one input as one: the outputs stand side by side, [N, parts * out].
  Linear(const Weights& w, const std::vector<std::string>& parts, std::array<std::int64_t, 2> shape,
         bool bias = true);
  // A weight bound elsewhere (tied), with a bias or an undefined one.
  Linear(const Weights& w, Tensor weight, Tensor bias);

  Tensor operator()(const Tensor& x, Activation activation = Activation::kNone) const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace hft
