#include "core/models/decoders/experts.h"

#include <ATen/TensorIndexing.h>

namespace hft {

Experts::Experts(const ExpertsConfig& experts, const LlamaConfig& c, const Weights& w)
    : gate_(w / "gate", {experts.count, c.hidden}, false), config_(experts) {
  const Weights all = w / "experts";
  const bool stacked = all.has("gate_up_proj");
  const auto add = [&](Linear gate_up, Linear down) {
    experts_.push_back([gate_up = std::move(gate_up), down = std::move(down)](const Tensor& x) {
      return down(gate_up(x));
    });
  };
  for (std::int64_t i = 0; i < experts.count; ++i) {
    if (stacked) {
      const auto half = [&](std::int64_t begin) {
        return Linear::Part{"gate_up_proj", c.ffn,
                            {.begin = begin, .of = 2 * c.ffn, .slab = i, .slabs = experts.count}};
      };
      add(Linear::gated(all, {half(0), half(c.ffn)}, c.hidden, c.activation),
          Linear(all, {{"down_proj", c.hidden, {.slab = i, .slabs = experts.count}}}, c.ffn, false));
    } else {
      const Weights at = all / i;
      add(Linear::gated(at, {{{experts.gate, c.ffn}, {experts.up, c.ffn}}}, c.hidden, c.activation),
          Linear(at / experts.down, {c.hidden, c.ffn}, false));
    }
  }
}

Tensor Experts::operator()(const Tensor& x) const {
  const Tensor shares = at::softmax(gate_.in_float(x), 1);  // [R,X]
  auto [weights, best] = at::topk(shares, config_.chosen, 1);  // [R,T] each
  if (config_.shares_sum_to_one) weights = weights / weights.sum(1, true);
  weights = weights.to(x.scalar_type());
  Tensor y = at::zeros_like(x);
  for (std::size_t i = 0; i < experts_.size(); ++i) {
    const Tensor found = at::nonzero(best == static_cast<std::int64_t>(i));  // [M,2]
    if (found.size(0) == 0) continue;
    const Tensor rows = found.select(1, 0), places = found.select(1, 1);  // [M]
    const Tensor share = weights.index({rows, places}).unsqueeze(1);  // [M,1]
    y.index_add_(0, rows, experts_[i](x.index_select(0, rows)) * share);
  }
  return y;
}

}  // namespace hft
