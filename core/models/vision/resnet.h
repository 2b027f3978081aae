// ResNet (arXiv:1512.03385) under the names of transformers and of timm, for itself and as the
// backbone of detectors.
#pragma once

#include <optional>
#include <string>

#include "core/models/image_net.h"
#include "core/nn/conv2d.h"

namespace hft {

struct ResNetShape {
  std::vector<std::int64_t> widths{256, 512, 1024, 2048}, depths{3, 4, 6, 3};  // of the stages
  std::int64_t channels = 3, stem = 64;
  bool bottleneck = true;
  Activation activation = Activation::kRelu;
  bool downsample_first = false;          // the first stage halves the picture too
  bool downsample_in_bottleneck = false;  // by its first convolution, not the second
  bool dilate_last = false;               // the last stage sees further in place of halving
  double eps = 1e-5;
  // timm's kinds
  std::vector<std::int64_t> deep_stem;  // widths of a stem of several convolutions
  bool average_down = false;            // shortcuts halve by averages
  std::int64_t groups = 1;
  bool halves_by_averages = false;      // RT-DETR: the same, but only where something is halved
  double inner = 0.25;  // width inside a bottleneck, of that outside
};

struct ResNet {
  struct Block {
    std::vector<Conv2d> convs;
    std::optional<Conv2d> shortcut;
    std::int64_t average = 1;  // what the shortcut averages before
    std::string path;
    Cells operator()(const Cells& x, Activation activation) const;
  };
  std::vector<Conv2d> stem;
  std::vector<std::vector<Block>> stages;
  Activation activation;
  std::string path;

  // What each stage makes of the pictures.
  std::vector<Cells> operator()(const Pictures& pictures) const;
};

ResNet hf_resnet(const ResNetShape& shape, const Weights& w);    // below it embedder, encoder
ResNet timm_resnet(const ResNetShape& shape, const Weights& w);  // below it conv1, layer1 …

// RT-DETR's own, below `w` embedder and encoder; its stem is of three convolutions.
ResNet rt_detr_resnet(ResNetShape shape, const Weights& w);

// The fields of a config of model_type resnet, or rt_detr_resnet.
ResNetShape resnet_shape(const Fields& config);

// The stages, counted from 0, that the config of a backbone says are seen; without one: the last three.
std::vector<std::int64_t> seen_stages(const Fields& config, std::int64_t stages);

// That of a ResNet as timm names it, changed by what its constructor is given; none: another kind.
std::optional<ResNetShape> timm_resnet_shape(const std::string& name, const Fields& args);

// Pictures of about so many pixels go through a convolutional net together.
inline constexpr std::int64_t kPassPixels = 100'000;

}  // namespace hft
