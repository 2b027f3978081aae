// The backbones that segmenters by masks stand on: Swin and ResNet, all of their stages.
#pragma once

#include <functional>

#include "core/models/image_net.h"

namespace hft {

struct MaskBackbone {
  std::int64_t channels = 3;
  std::vector<std::int64_t> widths;  // of the stages
  std::function<std::vector<Cells>(const Pictures&)> maps;
  // What config's backbone_config says. of_maskformer: as its Swin's tensors are called.
  MaskBackbone(const Fields& config, const Weights& w, bool of_maskformer = false);
};

}  // namespace hft
