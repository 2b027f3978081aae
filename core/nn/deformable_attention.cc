// The twin is LibTorch's grid_sampler of each level.
#include "core/nn/deformable_attention.h"

#include <atomic>

#include "core/kernels/deformable.h"
#include "core/nn/twins.h"
#include "core/nn/workers.h"

namespace hft {
namespace {

constexpr std::int64_t kCells = 64;  // of one share of the work

using DeformableKernel = void (*)(const Deformable& d, std::int64_t first, std::int64_t last);

// Whose offsets are the cells' own or places, as the kernel has them.
Tensor deformed_by_kernel(DeformableKernel kernel, const Tensor& values, const Tensor& offsets,
                          const Tensor& shares, const std::vector<Grid>& levels,
                          std::int64_t heads) {
  const auto rows = shares.size(0);
  Tensor y = at::empty({rows, values.size(1)}, values.options());
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
    for (std::int64_t first; (first = next.fetch_add(kCells)) < rows;)
      kernel(d, first, std::min(first + kCells, rows));
  };
  const int count = rows > kCells ? cores() : 1;
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

Tensor side_of(const Grid& level, const Tensor& like) {
  return at::tensor({level.width, level.height}, at::kFloat).to(like.device());
}

// Where the cells of all levels look: [T, H*L*P*2] of their own places and offsets.
Tensor places_of_cells(const Tensor& offsets, const std::vector<Grid>& levels, std::int64_t heads) {
  const auto count = static_cast<std::int64_t>(levels.size());
  const Tensor moved = offsets.view({offsets.size(0), heads, count, -1, 2});
  std::vector<Tensor> own, sides;
  for (const Grid& level : levels) {
    own.push_back(centres(level));
    sides.push_back(side_of(level, offsets));
  }
  const Tensor reference = at::concat(own).to(offsets.device()).view({-1, 1, 1, 1, 2});
  return (reference + moved / at::stack(sides).view({count, 1, 2})).view(offsets.sizes());
}

Tensor sampled_by_libtorch(const Tensor& values, const Tensor& places, const Tensor& shares,
                           const std::vector<Grid>& levels, std::int64_t heads) {
  const auto rows = shares.size(0), size = values.size(1) / heads,
             count = static_cast<std::int64_t>(levels.size());
  const Tensor looked_at = places.view({rows, heads, count, -1, 2});
  const Tensor weights = shares.view({rows, heads, count, -1}).permute({1, 0, 2, 3});  // [H,Q,L,P]
  std::vector<Tensor> sampled;
  std::int64_t begin = 0;
  for (std::int64_t l = 0; l < count; ++l) {
    const Grid& level = levels[l];
    const Tensor at = looked_at.select(2, l) * 2 - 1;  // [Q,H,P,2]
    const Tensor plane = values.narrow(0, begin, level.cells())
                             .view({level.height, level.width, heads, size})
                             .permute({2, 3, 0, 1});  // [H,E,h,w]
    sampled.push_back(at::grid_sampler(plane, at.transpose(0, 1), 0, 0, false));  // [H,E,Q,P]
    begin += level.cells();
  }
  const Tensor all = at::stack(sampled, 3);  // [H,E,Q,L,P]
  return (all * weights.unsqueeze(1)).sum({3, 4}).permute({2, 0, 1}).reshape({rows, heads * size});
}

Tensor wide(const Tensor& x) { return x.to(at::kFloat).contiguous(); }

Tensor shares_of(const Tensor& weights, std::int64_t heads) {
  return wide(weights).view({weights.size(0), heads, -1}).softmax(2).view(weights.sizes());
}

}  // namespace

Tensor attend_deformably(const Tensor& values, const Tensor& offsets, const Tensor& weights,
                         const std::vector<Grid>& levels, std::int64_t heads) {
  const Tensor shares = shares_of(weights, heads), moved = wide(offsets);
  const Tensor y =
      kernel_computes(values) && kernel_computes(offsets)
          ? deformed_by_kernel(compute_deformable, wide(values), moved, shares, levels, heads)
          : sampled_by_libtorch(wide(values), places_of_cells(moved, levels, heads), shares, levels, heads);
  return y.to(values.scalar_type());
}

Tensor attend_at(const Tensor& values, const Tensor& places, const Tensor& weights,
                 const std::vector<Grid>& levels, std::int64_t heads) {
  const Tensor shares = shares_of(weights, heads), at = wide(places);
  const Tensor y = kernel_computes(values) && kernel_computes(places)
                       ? deformed_by_kernel(compute_sampled, wide(values), at, shares, levels, heads)
                       : sampled_by_libtorch(wide(values), at, shares, levels, heads);
  return y.to(values.scalar_type());
}

}  // namespace hft
