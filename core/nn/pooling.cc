#include "core/nn/pooling.h"

#include "core/base/error.h"

namespace hft {

Cells max_pool(const Cells& x, std::int64_t kernel, std::int64_t stride, std::int64_t padding) {
  return each_plane(x, [&](const Tensor& plane) {
    return at::max_pool2d(plane, {kernel, kernel}, {stride, stride}, {padding, padding});
  });
}

Cells average_pool(const Cells& x, std::int64_t kernel, std::int64_t stride) {
  return each_plane(x, [&](const Tensor& plane) {
    return at::avg_pool2d(plane, {kernel, kernel}, {stride, stride}, {0, 0}, true, false);
  });
}

Tensor resized(const Tensor& plane, const Grid& size, Resize kind) {
  if (plane.size(2) == size.height && plane.size(3) == size.width) return plane;
  const Tensor wide = plane.to(at::kFloat).contiguous();
  const std::array<std::int64_t, 2> to{size.height, size.width};
  const Tensor y = kind == Resize::kNearest    ? at::upsample_nearest2d(wide, to)
                   : kind == Resize::kBilinear ? at::upsample_bilinear2d(wide, to, false)
                                                 : at::upsample_bicubic2d(wide, to, false);
  return y.to(plane.scalar_type());
}

Cells resized(const Cells& x, const std::vector<Grid>& sizes, Resize kind) {
  std::size_t b = 0;
  return each_plane(x, [&](const Tensor& plane) { return resized(plane, sizes[b++], kind); });
}

Tensor positions_for(const Tensor& table, const Grid& grid, const Grid& wanted) {
  const Tensor rows = table.view({-1, table.size(-1)});
  if (grid == wanted) return rows;
  const auto first = rows.size(0) - grid.cells();
  const Tensor plane = Cells{rows.narrow(0, first, grid.cells()), {grid}}.plane(0);
  return at::concat({rows.narrow(0, 0, first),
                     cells_of_planes({resized(plane, wanted, Resize::kBicubic)}).x});
}

}  // namespace hft
