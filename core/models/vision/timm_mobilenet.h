// MobileNet V3 as timm has it (arXiv:1905.02244): mobilenetv3_small_100, mobilenetv3_large_075, and
// those of TensorFlow's padding, tf_mobilenetv3_….
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/models/image_net.h"
#include "core/nn/conv2d.h"
#include "core/nn/linear.h"

namespace hft {

// What a name of timm says; none: not of this kind.
struct TimmMobileNetName {
  bool small = false, minimal = false, tensorflow = false;
  double width = 1;  // of all channels
};
std::optional<TimmMobileNetName> timm_mobilenet_name(const std::string& name);

// Pictures to the vectors that are classified, [B,size].
struct TimmMobileNet {
  struct Step {
    Conv2d conv;
    Conv2d::Shape shape;
    bool same = false;  // padding as TensorFlow's
    enum class Act : std::uint8_t { kNone, kRelu, kHardSwish } act = Act::kNone;
    Cells operator()(const Cells& x) const;
  };
  struct Block {
    std::vector<Step> steps;
    std::optional<std::pair<Linear, Linear>> squeeze;  // before the last step
    bool residual = false;
    std::string path;
    Cells operator()(const Cells& x) const;
  };
  std::vector<Block> blocks;
  Linear conv_head;
  Step::Act act;
  std::int64_t size;

  TimmMobileNet(const TimmMobileNetName& name, std::int64_t channels, const Weights& w);
  Tensor operator()(const Pictures& pictures) const;
};

}  // namespace hft
