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
Tensor sine_positions(const Grid& grid, std::int64_t size);
// Of all pictures, in the type of x.
Tensor sine_positions(const Cells& x, std::int64_t size);

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

// What an encoder made of several pictures, the same with its positions, and whose cells are whose.
struct DetrEncoded {
  Tensor x, placed;
  Sequences seqs;
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

// Products of which all but the last pass through relu.
struct BoxHead {
  std::vector<Linear> layers;
  BoxHead(const Weights& w, std::int64_t in, std::int64_t hidden, std::int64_t out, std::int64_t count);
  Tensor operator()(Tensor x) const;
};

}  // namespace hft
