// The vision transformer (arXiv:2010.11929) as ViT, DeiT, BEiT, DINOv2, timm, CLIP and SigLIP have
// it, each with names of its own: patches and a few tokens more, through blocks that normalise
// before attention and before the two products.
// Shapes: N tokens of all pictures together, D hidden, H heads, P patches of a picture.
#pragma once

#include <optional>
#include <string_view>
#include <utility>

#include "core/models/image_net.h"
#include "core/nn/linear.h"
#include "core/nn/norm.h"

namespace hft {

// What a block's tensors are called below it.
struct BlockNames {
  std::string norm1, norm2;
  std::string qkv;                // the three as one; empty: by themselves
  std::string query, key, value, attention_output;
  std::string fc1, fc2;
  std::string scale1, scale2;     // of what is added; empty: none
  std::string gated;              // in place of fc1: act(first half) * second half
};

struct BlockShape {
  std::int64_t hidden, heads, ffn;
  Activation activation;
  double eps;
  bool qkv_bias = true, key_bias = true, output_bias = true;
};

// ViT's, DeiT's and BEiT's names, and the newer ones of transformers 5.
extern const BlockNames kVitNames;
inline constexpr std::pair<std::string_view, std::string_view> kNewerVitNames[] = {
    {".encoder.layer.", ".layers."},
    {"attention.attention.relative_position_bias", "relative_position_bias"},
    {"attention.attention.query", "attention.q_proj"},
    {"attention.attention.key", "attention.k_proj"},
    {"attention.attention.value", "attention.v_proj"},
    {"attention.output.dense", "attention.o_proj"},
    {"intermediate.dense", "mlp.fc1"},
    {"output.dense", "mlp.fc2"}};

// The fields that ViTConfig, DeiTConfig and BeitConfig share.
struct VitConfig {
  BlockShape block;
  std::int64_t layers, channels;
  Grid patch, grid;
  explicit VitConfig(const Fields& config);
};

struct VitBlock {
  LayerNorm norm1, norm2;
  Linear query_key_value, attention_output, fc1, fc2;
  Tensor scale1, scale2;  // [D]
  std::int64_t heads;
  Activation activation;
  std::string path;
  VitBlock(const BlockShape& shape, const BlockNames& names, const Weights& w);
  // biases: of AttentionTerms, one for each sequence, or one for all; empty: none. rows: undefined:
  // all. angles: by which queries and keys turn (Rope::angles); undefined: they do not.
  Tensor operator()(const Tensor& x, const Sequences& seqs, const std::vector<Tensor>& biases,
                    const Tensor& rows, const Tensor& angles = {}) const;  // [N,D] -> [R,D]
};

// Non-overlapping patches, each turned into a vector by one product.
struct Patches {
  Linear projection;
  Grid size;  // of a patch
  Patches(const Weights& w, std::int64_t channels, Grid size, std::int64_t hidden, bool bias = true);
  Grid grid_of(const Tensor& picture) const;
  Cells operator()(const std::vector<Tensor>& pictures) const;  // [C,H,W] -> [P,D]
};

struct Vit {
  Patches patches;
  Tensor prefix;     // [T,D] tokens before the patches, [0,D] where there are none
  Tensor positions;  // [T or 0 + cells of `grid`, D]; undefined: none
  Grid grid;
  std::optional<LayerNorm> norm_before;
  std::vector<VitBlock> blocks;
  // The attention biases of block i for a picture's grid; empty: none.
  std::function<Tensor(std::int64_t block, const Grid& grid)> bias;
  std::string path;
  // The states after so many blocks are what is seen, set side by side; empty: those after all.
  std::vector<std::int64_t> taps = {};
  // Which rows of `positions` a picture's patches have; empty: those are stretched over its grid.
  std::function<Tensor(const Grid& grid)> places = {};

  struct States {
    Tensor x;        // [N,D], or the rows that were wanted
    Sequences seqs;  // tokens of each picture
    std::vector<Grid> grids;  // of each picture's patches
  };
  // The states after the last block, before any norm. first_only: of each picture's first `first`
  // tokens alone, [B*first,D]; 0: of all.
  States operator()(const Pictures& pictures, std::int64_t first) const;

 private:
  States embed(const Pictures& pictures) const;
};

// Each picture's mean of the rows from its `skip`-th on, [B,D].
Tensor mean_after(const Tensor& x, const Sequences& seqs, std::int64_t skip);

// Pictures of about so many tokens together.
inline constexpr std::int64_t kPassTokens = 512;

}  // namespace hft
