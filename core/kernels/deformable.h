// Deformable attention over several grids (arXiv:2010.04159): each cell looks at a few places of
// each grid, between their cells. Float32.
#pragma once

#include <cstdint>
#include <vector>

namespace hft {

struct DeformableLevel {
  std::int64_t height, width, begin;  // its first cell
};

// Cells [first, last) of all levels together, T of them; H heads of E numbers, L levels, P points.
struct Deformable {
  const float* values;   // [T, H*E]
  const float* offsets;  // [T, H*L*P*2] from the cell's own place, in cells of the level
  const float* weights;  // [T, H*L*P]
  float* y;              // [T, H*E]
  std::vector<DeformableLevel> levels;
  std::int64_t heads, size, points;
};

void compute_deformable(const Deformable& d, std::int64_t first, std::int64_t last);
// Rows [first, last) that say themselves where they look: offsets are places, x and y in [0, 1].
void compute_sampled(const Deformable& d, std::int64_t first, std::int64_t last);

}  // namespace hft
