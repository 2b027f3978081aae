// The parts of RT-DETR (arXiv:2304.08069) that make three levels of features of a backbone's maps.
// Shapes: C channels of every level.
#pragma once

#include <optional>

#include "core/models/vision/detr.h"

namespace hft {

struct RtDetrShape {
  std::int64_t levels, size, ffn, heads, layers;  // of the encoder
  std::vector<std::int64_t> refined;              // levels whose cells attend to each other
  double eps, batch_eps, temperature, expansion;
  bool norm_first;
  Activation encoder_activation, activation;
  explicit RtDetrShape(const Fields& config);
};

// A convolution of a map and the norm after it.
Conv2d rt_detr_conv(const Weights& w, const Conv2d::Shape& shape, double eps);
// Channels of two maps of one grid.
Cells rt_detr_joined(const Cells& a, const Cells& b);

// Two paths of a map, one through blocks of a 3x3 and a 1x1 convolution side by side (RepVGG).
struct CspRepLayer {
  struct Block {
    Conv2d conv1, conv2;
  };
  Conv2d conv1, conv2;
  std::optional<Conv2d> conv3;
  std::vector<Block> bottlenecks;
  Activation activation;
  CspRepLayer(const RtDetrShape& shape, const Weights& w);
  Cells operator()(const Cells& x) const;
};

struct RtDetrEncoderLayer {
  DetrAttention self_attn;
  LayerNorm self_attn_norm, final_norm;
  Linear fc1, fc2;
  Activation activation;
  bool norm_first;
  RtDetrEncoderLayer(const RtDetrShape& shape, const Weights& w);
  Tensor operator()(const Tensor& x, const Tensor& positions, const Sequences& seqs) const;
};

// Attention within the coarsest levels, then from coarse to fine and from fine to coarse.
struct HybridEncoder {
  RtDetrShape shape;
  std::vector<std::vector<RtDetrEncoderLayer>> encoder;
  std::vector<Conv2d> lateral_convs, downsample_convs;
  std::vector<CspRepLayer> fpn_blocks, pan_blocks;
  std::string path;
  HybridEncoder(const RtDetrShape& shape, const Weights& w);
  std::vector<Cells> operator()(std::vector<Cells> maps, const Pictures& pictures) const;
};

}  // namespace hft
