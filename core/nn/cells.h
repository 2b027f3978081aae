// Feature maps of a ragged batch of pictures: the cells of each, row after row, and picture after
// picture, [N,C], with the channels of a cell together. A product of the channels is then one of
// rows; only what looks at neighbours needs the grids.
#pragma once

#include <vector>

#include "core/nn/sequences.h"

namespace hft {

struct Grid {
  std::int64_t height = 0, width = 0;
  std::int64_t cells() const { return height * width; }
  bool operator==(const Grid&) const = default;
};

struct Cells {
  Tensor x;                 // [N,C]
  std::vector<Grid> grids;  // [B]

  std::int64_t count() const { return static_cast<std::int64_t>(grids.size()); }
  Sequences sequences() const;  // the cells of each picture
  Tensor plane(std::int64_t b) const;  // picture b as LibTorch has it, [1,C,H,W], a view
  Cells with(Tensor y) const { return {std::move(y), grids}; }
};

// [1,C,H,W] each, in their order.
Cells cells_of_planes(const std::vector<Tensor>& planes);
// Pictures [C,H,W].
Cells cells_of(const std::vector<Tensor>& pictures);

// f of each picture's plane by itself, so that its bits do not depend on the others.
template <class F>
Cells each_plane(const Cells& cells, F&& f) {
  std::vector<Tensor> planes;
  for (std::int64_t b = 0; b < cells.count(); ++b) planes.push_back(f(cells.plane(b)));
  return cells_of_planes(planes);
}

// The mean of each picture's cells, [B,C].
Tensor mean_of_each(const Cells& cells);

}  // namespace hft
