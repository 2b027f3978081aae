// DETR's parts (arXiv:2005.12872), which its panoptic head and its kin share.
#pragma once

#include <optional>

#include "core/models/image_net.h"
#include "core/models/vision/resnet.h"
#include "core/nn/linear.h"
#include "core/nn/norm.h"

namespace hft {

// Sines and cosines of each cell's row and column, in [0, 2 pi], as DETR makes them. size: of both
// together. [cells, size] float32
// inset: how far before its end a cell is, in cells.
Tensor sine_positions(const Grid& grid, std::int64_t size, float inset = 0);
// Of all pictures, in the type of x.
Tensor sine_positions(const Cells& x, std::int64_t size, float inset = 0);

// Attention whose queries and keys have positions added, but not the values.
struct DetrAttention {
  Linear query, key, value, output;
  std::int64_t heads;
  DetrAttention(const Weights& w, std::int64_t size, std::int64_t heads);
  // of itself
  Tensor operator()(const Tensor& x, const Tensor& positions, const Sequences& seqs) const;
  // of what an encoder saw; keys: with positions, [N,2D] of keys and values
  Tensor across(const Tensor& x, const Tensor& keys_values, const Sequences& queries,
                const Sequences& cells) const;
  Tensor keys_values(const Tensor& with_positions, const Tensor& x) const;
};

struct DetrShape {
  std::int64_t size, queries, encoder_layers, decoder_layers, encoder_heads, decoder_heads,
      encoder_ffn, decoder_ffn;
  Activation activation;
  bool norm_first;  // Table Transformer's
  explicit DetrShape(const Fields& config, bool norm_first = false);
};

// What an encoder made of several pictures, the same with its positions, whose cells are whose, and
// the positions.
struct DetrEncoded {
  Tensor x, placed;
  Sequences seqs;
  Tensor places = {};
};

struct DetrEncoderLayer {
  DetrAttention self_attn;
  LayerNorm self_attn_norm, final_norm;
  Linear fc1, fc2;
  Activation activation;
  bool norm_first;
  std::string path;
  DetrEncoderLayer(const DetrShape& shape, const Weights& w);
  Tensor operator()(const Tensor& x, const Tensor& positions, const Sequences& seqs) const;
};

// The maps of the backbone that config names, the last of them as wide as the decoder, and what the
// encoder makes of that.
struct DetrEncoder {
  struct Seen {
    std::vector<Cells> maps;
    Cells projected;
    DetrEncoded encoded;
  };
  ResNetShape backbone_shape;
  ResNet backbone;
  Linear input_projection;
  std::vector<DetrEncoderLayer> layers;
  std::optional<LayerNorm> norm;
  std::int64_t size;
  std::string path;
  DetrEncoder(const Fields& config, const DetrShape& shape, const Weights& w);
  Seen operator()(const Pictures& pictures) const;
};

struct DetrDecoderLayer {
  DetrAttention self_attn, encoder_attn;
  LayerNorm self_attn_norm, encoder_attn_norm, final_norm;
  Linear fc1, fc2;
  Activation activation;
  bool norm_first;
  std::string path;
  DetrDecoderLayer(const DetrShape& shape, const Weights& w);
  Tensor operator()(const Tensor& x, const Tensor& positions, const Sequences& seqs,
                    const DetrEncoded& encoded) const;
};

// Queries that look at the cells of each picture.
struct DetrDecoder {
  std::vector<DetrDecoderLayer> layers;
  LayerNorm norm;
  DetrDecoder(const DetrShape& shape, const Weights& w);
  // queries: their positions, [Q,D]; -> [B*Q,D]
  Tensor operator()(const DetrEncoded& encoded, const Tensor& queries,
                    const Pictures& pictures) const;
};

// The backbone that config.json names, below a place of the checkpoint.
ResNet detr_backbone(const Fields& config, const Weights& w, ResNetShape& shape);

// Of numbers in [0, 1], not quite to the ends.
Tensor inverse_sigmoid(const Tensor& x);

// Products of which all but the last pass through relu.
struct BoxHead {
  std::vector<Linear> layers;
  BoxHead(const Weights& w, std::int64_t in, std::int64_t hidden, std::int64_t out, std::int64_t count);
  Tensor operator()(Tensor x) const;
};

}  // namespace hft
