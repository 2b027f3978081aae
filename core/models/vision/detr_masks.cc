#include "core/models/vision/detr_masks.h"

#include <cmath>

#include "core/nn/pooling.h"

namespace hft {

DetrMasks::DetrMasks(const DetrShape& s, const std::vector<std::int64_t>& widths, const Weights& w)
    : size_(s.size),
      queries_(s.queries),
      heads_(s.encoder_heads),
      query_(w / "bbox_attention" / "q_linear", {s.size, s.size}),
      key_(w / "bbox_attention" / "k_linear", {s.size, s.size}) {
  const Weights at = w / "mask_head";
  const std::int64_t first = s.size + s.encoder_heads;
  const std::int64_t outs[] = {first, s.size / 2, s.size / 4, s.size / 8, s.size / 16};
  std::int64_t in = first;
  for (std::int64_t i = 0; i < 5; ++i) {
    const std::string number = std::to_string(i + 1);
    steps_.push_back({Conv2d(at / ("lay" + number), {in, outs[i], 3, 1, 1}),
                      GroupNorm(at / ("gn" + number), outs[i], std::min<std::int64_t>(8, outs[i]))});
    in = outs[i];
  }
  last_ = Conv2d(at / "out_lay", {in, 1, 3, 1, 1});
  // From the third stage's map to the first's.
  for (std::int64_t i = 0; i < 3; ++i)
    adapters_.emplace_back(at / ("adapter" + std::to_string(i + 1)),
                           Conv2d::Shape{widths[widths.size() - 2 - i], outs[i + 1]});
}

namespace {

// One picture of several.
Cells only(const Cells& cells, std::int64_t b) {
  return cells_of_planes({cells.plane(b)});
}

}  // namespace

Tensor DetrMasks::operator()(const DetrStates& states, std::int64_t b) const {
  const Cells encoded = only(states.encoded, b), projected = only(states.projected, b);
  const Grid grid = encoded.grids[0];
  const auto each = size_ / heads_;
  const Tensor q = query_(states.seen.narrow(0, b * queries_, queries_)) *
                   (1 / std::sqrt(static_cast<double>(each)));
  const auto split = [&](const Tensor& x) {  // [T,D] -> [H,T,E]
    return x.reshape({-1, heads_, each}).transpose(0, 1);
  };
  const Tensor scores =  // [H,Q,T]
      at::matmul(split(q.to(at::kFloat)), split(key_(encoded.x).to(at::kFloat)).transpose(1, 2));
  // One softmax over all cells of all heads.
  const Tensor seen = scores.transpose(0, 1).flatten(1).softmax(1).to(encoded.x.scalar_type());
  const Tensor maps = seen.view({queries_, heads_, grid.cells()}).transpose(1, 2);  // [Q,T,H]
  Cells x{at::concat({projected.x.unsqueeze(0).expand({queries_, -1, -1}), maps}, 2).flatten(0, 1),
          std::vector<Grid>(static_cast<std::size_t>(queries_), grid)};
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    x = steps_[i].norm(steps_[i].conv(x), Activation::kRelu);
    if (i == 0 || i + 1 == steps_.size()) continue;
    const Cells finer = adapters_[i - 1](only(states.maps[states.maps.size() - 1 - i], b));
    x = resized(x, std::vector<Grid>(x.grids.size(), finer.grids[0]), Resize::kNearest);
    x.x = (x.x.view({queries_, -1, x.x.size(1)}) + finer.x.unsqueeze(0)).flatten(0, 1);
  }
  x = last_(x);
  return x.x.view({queries_, x.grids[0].height, x.grids[0].width});
}

}  // namespace hft
