#include "core/nn/cells.h"

namespace hft {

Sequences Cells::sequences() const {
  Sequences seqs;
  seqs.device = x.device();
  for (const Grid& grid : grids) seqs.starts.push_back(seqs.starts.back() + grid.cells());
  return seqs;
}

Tensor Cells::plane(std::int64_t b) const {
  std::int64_t begin = 0;
  for (std::int64_t i = 0; i < b; ++i) begin += grids[i].cells();
  return x.narrow(0, begin, grids[b].cells())
      .view({1, grids[b].height, grids[b].width, x.size(1)})
      .permute({0, 3, 1, 2});
}

Cells cells_of_planes(const std::vector<Tensor>& planes) {
  Cells cells;
  std::vector<Tensor> rows;
  for (const Tensor& plane : planes) {
    cells.grids.push_back({plane.size(2), plane.size(3)});
    rows.push_back(plane[0].permute({1, 2, 0}).reshape({-1, plane.size(1)}));  // [H*W,C]
  }
  cells.x = rows.size() == 1 ? rows[0] : at::concat(rows);
  return cells;
}

Cells cells_of(const std::vector<Tensor>& pictures) {
  std::vector<Tensor> planes;
  for (const Tensor& picture : pictures) planes.push_back(picture.unsqueeze(0));
  return cells_of_planes(planes);
}

Tensor mean_of_each(const Cells& cells) {
  const Sequences seqs = cells.sequences();
  std::vector<Tensor> means;
  for (std::int64_t b = 0; b < seqs.count(); ++b)
    means.push_back(cells.x.narrow(0, seqs.starts[b], seqs.length(b)).mean(0, true));
  return at::concat(means);
}

}  // namespace hft
