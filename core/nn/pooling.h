// What else looks at the neighbours of a cell: pooling, other sizes.
#pragma once

#include "core/nn/cells.h"

namespace hft {

Cells max_pool(const Cells& x, std::int64_t kernel, std::int64_t stride, std::int64_t padding);
// As PyTorch's with ceil_mode and without counting what is past the edge.
Cells average_pool(const Cells& x, std::int64_t kernel, std::int64_t stride);

// Rows and columns of zeros around a picture.
struct Margins {
  std::int64_t top = 0, bottom = 0, left = 0, right = 0;
};
template <class F>
Cells with_margins(const Cells& x, const F& margins_of) {  // (Grid) -> Margins
  std::size_t b = 0;
  return each_plane(x, [&](const Tensor& plane) {
    const Margins m = margins_of(x.grids[b++]);
    return at::constant_pad_nd(plane, {m.left, m.right, m.top, m.bottom});
  });
}

// Each picture to another size as PyTorch's interpolate makes it, align_corners off.
enum class Resize { kNearest, kBilinear, kBicubic };
Tensor resized(const Tensor& plane, const Grid& size, Resize kind);  // [1,C,H,W], in float32
Cells resized(const Cells& x, const std::vector<Grid>& sizes, Resize kind);

// A table of positions [1, rows, D] whose last grid.cells() rows are those of `grid`, for another
// grid: bicubic; the rows before stay.
Tensor positions_for(const Tensor& table, const Grid& grid, const Grid& wanted);  // -> [rows', D]

}  // namespace hft
