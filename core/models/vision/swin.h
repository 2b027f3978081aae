// Swin (arXiv:2103.14030): attention inside windows of a picture's cells, which lie half a window
// further in every other block; for itself and as the backbone of segmenters.
#pragma once

#include <array>
#include <optional>

#include "core/models/vision/vit.h"
#include "core/nn/made_once.h"

namespace hft {

struct SwinShape {
  std::int64_t channels, embed, window;
  std::vector<std::int64_t> depths, heads;
  Grid patch;
  double ffn, eps;
  Activation activation;
  bool qkv_bias;
  explicit SwinShape(const Fields& config);
  std::int64_t width(std::size_t stage) const { return embed << stage; }
};

// How the cells of all pictures lie in windows: those of one kind of mask together.
struct Windows {
  Tensor rows;   // [W] of the cells, window by window; the row after the last: padding, zeros
  Tensor places;  // [N] where in it each cell is
  struct Kind {
    std::int64_t begin = 0, count = 0;  // windows
    bool last_row = false, last_column = false;
  };
  std::vector<Kind> kinds;
  std::int64_t size = 0, shift = 0;  // of a window's side
};
// Half a window's shift where `shifted`. Unless `always`, a picture no larger than a window is one.
Windows windows_of(const std::vector<Grid>& grids, std::int64_t size, bool shifted, bool always);

struct SwinBlock {
  LayerNorm norm_before, norm_after;
  Linear query_key_value, attention_output, intermediate, output;
  Tensor table;  // {(2 window - 1)^2, H}
  std::int64_t window, heads;
  Activation activation;
  std::string path;
  SwinBlock(const SwinShape& shape, std::size_t stage, const Weights& w);
  Tensor operator()(const Tensor& x, const Windows& windows) const;

 private:
  Tensor bias_of(const Windows& windows, const Windows::Kind& kind) const;
  Tensor make_bias(const Windows& windows, const Windows::Kind& kind) const;  // [H,T,T]
  MadeOnce<std::array<std::int64_t, 4>> biases_;
};

// The stages, whatever made their cells.
struct SwinStages {
  std::int64_t window;
  struct Stage {
    std::vector<SwinBlock> blocks;
    std::optional<LayerNorm> merging_norm;  // four neighbours become one cell
    Linear merging;
  };
  std::vector<Stage> stages;
  SwinStages(const SwinShape& shape, const Weights& w);
  // What each makes of the cells, before they are merged. always: as in windows_of. note: is told
  // each block's output.
  using Note = std::function<void(const std::string& layer, const Tensor& output)>;
  std::vector<Cells> operator()(Cells x, bool always, const Note& note) const;
};

struct Swin {
  SwinShape shape;
  Patches patches;
  LayerNorm norm;  // of the patches
  SwinStages encoder;
  std::string path;
  Swin(const SwinShape& shape, const Weights& w);
  // What each stage makes of the pictures, before its cells are merged. always: as in windows_of.
  std::vector<Cells> operator()(const Pictures& pictures, bool always) const;
};

}  // namespace hft
