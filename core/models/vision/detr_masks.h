// The panoptic head of DETR: how each query looks at the encoder's cells, refined by the maps of the
// backbone to a mask of a quarter of the picture.
#pragma once

#include "core/models/vision/detr.h"
#include "core/nn/group_norm.h"

namespace hft {

// What DETR has of a batch of pictures once its decoder is through.
struct DetrStates {
  std::vector<Cells> maps;  // of the backbone's stages
  Cells projected, encoded;
  Tensor seen;  // [B*Q,D]
};

class DetrMasks {
 public:
  // widths: of the backbone's stages.
  DetrMasks(const DetrShape& shape, const std::vector<std::int64_t>& widths, const Weights& w);
  Tensor operator()(const DetrStates& states, std::int64_t picture) const;  // [Q,h,w]

 private:
  struct Step {
    Conv2d conv;
    GroupNorm norm;
  };
  std::int64_t size_, queries_, heads_;
  Linear query_, key_;
  std::vector<Step> steps_;
  std::vector<Conv2d> adapters_;
  Conv2d last_;
};

}  // namespace hft
