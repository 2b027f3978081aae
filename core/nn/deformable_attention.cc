// The twin is LibTorch's grid_sampler of each level.
#include "core/nn/deformable_attention.h"

#include <atomic>

#include "core/kernels/deformable.h"
#include "core/nn/twins.h"
#include "core/nn/workers.h"

namespace hft {
namespace {

constexpr std::int64_t kCells = 64;  // of one share of the work

Tensor deformed_by_kernel(const Tensor& values, const Tensor& offsets, const Tensor& shares,
                   const std::vector<Grid>& levels, std::int64_t heads) {
  Tensor y = at::empty_like(values);
  Deformable d{.values = values.const_data_ptr<float>(),
               .offsets = offsets.const_data_ptr<float>(),
               .weights = shares.const_data_ptr<float>(),
               .y = y.data_ptr<float>(),
               .heads = heads,
               .size = values.size(1) / heads,
               .points = shares.size(1) / heads / std::ssize(levels)};
  std::int64_t begin = 0;
  for (const Grid& level : levels) {
    d.levels.push_back({level.height, level.width, begin});
    begin += level.cells();
  }
  std::atomic<std::int64_t> next = 0;
  const auto work = [&](int) {
    for (std::int64_t first; (first = next.fetch_add(kCells)) < values.size(0);)
      compute_deformable(d, first, std::min(first + kCells, values.size(0)));
  };
  const int count = values.size(0) > kCells ? cores() : 1;
  count > 1 ? on_each_core(count, work) : work(0);
  return y;
}

// Centres of a level's cells, x and y in [0, 1].
Tensor centres(const Grid& grid) {  // [cells,2]
  Tensor places = at::empty({grid.cells(), 2}, at::kFloat);
  auto* out = places.data_ptr<float>();
  for (std::int64_t i = 0; i < grid.cells(); ++i) {
    *out++ = (static_cast<float>(i % grid.width) + 0.5f) / static_cast<float>(grid.width);
    *out++ = (static_cast<float>(i / grid.width) + 0.5f) / static_cast<float>(grid.height);
  }
  return places;
}

Tensor deformed_by_libtorch(const Tensor& values, const Tensor& offsets, const Tensor& shares,
                     const std::vector<Grid>& levels, std::int64_t heads) {
  const auto cells = values.size(0), size = values.size(1) / heads,
             count = static_cast<std::int64_t>(levels.size());
  const Tensor moved = offsets.view({cells, heads, count, -1, 2});
  const Tensor weights = shares.view({cells, heads, count, -1}).permute({1, 0, 2, 3});  // [H,T,L,P]
  std::vector<Tensor> own;
  for (const Grid& level : levels) own.push_back(centres(level));
  const Tensor reference = at::concat(own).to(values.device()).view({cells, 1, 1, 2});
  std::vector<Tensor> sampled;
  std::int64_t begin = 0;
  for (std::int64_t l = 0; l < count; ++l) {
    const Grid& level = levels[l];
    const Tensor side = at::tensor({level.width, level.height}, at::kFloat).to(values.device());
    const Tensor at = (reference + moved.select(2, l) / side) * 2 - 1;  // [T,H,P,2]
    const Tensor plane = values.narrow(0, begin, level.cells())
                             .view({level.height, level.width, heads, size})
                             .permute({2, 3, 0, 1});  // [H,E,h,w]
    sampled.push_back(at::grid_sampler(plane, at.transpose(0, 1), 0, 0, false));  // [H,E,T,P]
    begin += level.cells();
  }
  const Tensor all = at::stack(sampled, 3);  // [H,E,T,L,P]
  return (all * weights.unsqueeze(1)).sum({3, 4}).permute({2, 0, 1}).reshape({cells, heads * size});
}

}  // namespace

Tensor attend_deformably(const Tensor& values, const Tensor& offsets, const Tensor& weights,
                         const std::vector<Grid>& levels, std::int64_t heads) {
  const auto wide = [](const Tensor& x) { return x.to(at::kFloat).contiguous(); };
  const Tensor shares =
      wide(weights).view({weights.size(0), heads, -1}).softmax(2).view(weights.sizes());
  const Tensor y = (kernel_computes(values) && kernel_computes(offsets) ? deformed_by_kernel : deformed_by_libtorch)(
      wide(values), wide(offsets), shares, levels, heads);
  return y.to(values.scalar_type());
}

}  // namespace hft
