// Attention of the cells of several grids to a few places of each (arXiv:2010.04159).
#pragma once

#include "core/nn/cells.h"

namespace hft {

// One picture's levels lie one after the other, T cells in all. values [T, H*E]; offsets
// [T, H*L*P*2], x before y, in cells of the level they lie in; weights [T, H*L*P], before their
// softmax over the L*P of a head. Returns [T, H*E].
Tensor attend_deformably(const Tensor& values, const Tensor& offsets, const Tensor& weights,
                         const std::vector<Grid>& levels, std::int64_t heads);

// The same of Q rows that say where they look: places [Q, H*L*P*2], x before y, in [0, 1] of every
// level; weights [Q, H*L*P]. Returns [Q, H*E].
Tensor attend_at(const Tensor& values, const Tensor& places, const Tensor& weights,
                 const std::vector<Grid>& levels, std::int64_t heads);

}  // namespace hft
