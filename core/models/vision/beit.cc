// BEiT: a ViT without learned positions as a rule; attention is biased by the distance of two
// patches, by a table of each layer or of all. Paper: arXiv:2106.08254. Checked against the configs
// of microsoft/beit-base-patch16-224-pt22k-ft22k and microsoft/dit-base-finetuned-rvlcdip.
#include "core/base/limits.h"
#include "core/models/architecture.h"
#include "core/models/vision/vit.h"
#include "core/nn/made_once.h"
#include "core/nn/pooling.h"

namespace hft {
namespace {

BlockNames beit_names_of(bool scaled) {
  BlockNames names = kVitNames;
  if (scaled) {
    names.scale1 = "lambda_1";
    names.scale2 = "lambda_2";
  }
  return names;
}

// A table {(2h-1)(2w-1)+3, H} of biases by distance; the last three are those between the class
// token and patches, patches and the class token, and the class token and itself.
class PatchBias {
 public:
  PatchBias(const Weights& w, const Grid& grid, std::int64_t heads)
      : grid_(grid),
        table_(w.get("relative_position_bias_table",
                     {distances(grid).cells() + 3, heads})) {}

  Tensor of(const Grid& grid) const {  // [H,T,T]
    if (table_.requires_grad()) return make(grid);
    return kept_.of({grid.height, grid.width},
                    [&] { return make(grid).to(at::kFloat).contiguous(); });
  }

 private:
  static Grid distances(const Grid& grid) { return {2 * grid.height - 1, 2 * grid.width - 1}; }

  static Tensor index(const Grid& grid) {  // [T,T]
    const auto cells = grid.cells(), count = distances(grid).cells() + 3;
    Tensor index = at::empty({cells + 1, cells + 1}, at::kLong);
    auto* out = index.data_ptr<std::int64_t>();
    for (std::int64_t i = -1; i < cells; ++i)
      for (std::int64_t j = -1; j < cells; ++j)
        *out++ = i < 0 ? (j < 0 ? count - 1 : count - 3)
                 : j < 0
                     ? count - 2
                     : (i / grid.width - j / grid.width + grid.height - 1) * (2 * grid.width - 1) +
                           i % grid.width - j % grid.width + grid.width - 1;
    return index;
  }

  Tensor make(const Grid& grid) const {
    Tensor table = table_;
    if (!(grid == grid_)) {
      // The reference takes the table for [width, height]; they are equal in all checkpoints.
      const Grid own = distances(grid_), wanted = distances(grid);
      const Tensor plane = Cells{table.narrow(0, 0, own.cells()), {own}}.plane(0);
      table = at::concat({cells_of_planes({resized(plane, wanted, Resize::kBilinear)}).x,
                          table.narrow(0, own.cells(), 3)});
    }
    const auto tokens = grid.cells() + 1;
    return table.index_select(0, index(grid).flatten().to(table.device()))
        .view({tokens, tokens, -1})
        .permute({2, 0, 1});
  }

  Grid grid_;
  Tensor table_;
  MadeOnce<std::pair<std::int64_t, std::int64_t>> kept_;
};

struct BeitConfig {
  VitConfig vit;
  bool positions, own_biases, shared_biases, scaled, mean;
  explicit BeitConfig(const Fields& config)
      : vit(config),
        positions(config.boolean("use_absolute_position_embeddings", false)),
        own_biases(config.boolean("use_relative_position_bias", false)),
        shared_biases(config.boolean("use_shared_relative_position_bias", false)),
        scaled(config.real("layer_scale_init_value", 0, 1e6, 0.1) > 0),
        mean(config.boolean("use_mean_pooling", true)) {
    vit.block.qkv_bias = true;  // whatever config.json says
    vit.block.key_bias = false;
  }
};

std::vector<PatchBias> biases_of(const BeitConfig& c, const Weights& encoder) {
  std::vector<PatchBias> biases;
  if (c.own_biases)
    for (std::int64_t i = 0; i < c.vit.layers; ++i)
      biases.emplace_back(encoder / "layer" / i / "attention.attention.relative_position_bias",
                          c.vit.grid, c.vit.block.heads);
  if (c.shared_biases)
    biases.emplace_back(encoder / "relative_position_bias", c.vit.grid, c.vit.block.heads);
  return biases;
}

Vit beit_vit_of(const BeitConfig& c, const Weights& w) {
  const Weights at = w / "embeddings", encoder = w / "encoder";
  Vit vit{.patches = {at / "patch_embeddings" / "projection", c.vit.channels, c.vit.patch, c.vit.block.hidden},
          .prefix = at.small("cls_token", {1, 1, c.vit.block.hidden}),
          .grid = c.vit.grid,
          .path = at.path()};
  if (vit.prefix.defined()) vit.prefix = vit.prefix[0];
  if (c.positions) {
    vit.positions = at.get("position_embeddings", {1, 1 + c.vit.grid.cells(), c.vit.block.hidden});
    if (vit.positions.defined()) vit.positions = vit.positions[0];
  }
  for (std::int64_t i = 0; i < c.vit.layers; ++i)
    vit.blocks.emplace_back(c.vit.block, beit_names_of(c.scaled), encoder / "layer" / i);
  if (auto biases = biases_of(c, encoder); !biases.empty())
    vit.bias = [biases = std::move(biases), own = c.own_biases, shared = c.shared_biases](
                   std::int64_t block, const Grid& grid) {
      const Tensor first = biases[own ? block : 0].of(grid);
      return own && shared ? first + biases.back().of(grid) : first;
    };
  return vit;
}

ImageNet build_beit(const Fields& config, const Weights& w, ImageHead) {
  const BeitConfig c(config);
  const Weights at = w / "beit";
  // The patches' mean is normalised after it was taken, the class token before.
  const LayerNorm norm(at / (c.mean ? "pooler.layernorm" : "layernorm"), c.vit.block.hidden,
                       c.vit.block.eps);
  ImageNet net{.channels = c.vit.channels, .pixels = kPassTokens * c.vit.patch.cells()};
  net.see = [norm, vit = beit_vit_of(c, at), mean = c.mean,
             classifier = Linear(w / "classifier", {label_count(config), c.vit.block.hidden})](
                const Pictures& pictures) {
    const auto states = vit(pictures, mean ? 0 : 1);
    return each_row(classifier(norm(mean ? mean_after(states.x, states.seqs, 1) : states.x)));
  };
  return net;
}

PictureEncoder build_encoder(const Fields& config, const Weights& w) {
  const BeitConfig c(config);
  (w / "pooler").ignore();
  std::optional<LayerNorm> norm;
  if (!c.mean) norm = LayerNorm(w / "layernorm", c.vit.block.hidden, c.vit.block.eps);
  return {[norm, vit = beit_vit_of(c, w)](const Pictures& pictures) -> PictureStates {
            Vit::States seen = vit(pictures, 0);
            return {norm ? (*norm)(seen.x) : seen.x, std::move(seen.seqs)};
          },
          c.vit.block.hidden, 1 + c.vit.grid.cells()};
}

constexpr ImageHead kBeitHeads[] = {ImageHead::kClassify};

}  // namespace

extern const Architecture beit{
    .types = {"beit"},
    .base = "beit",
    .image = build_beit,
    .image_heads = kBeitHeads,
    .picture_encoder = build_encoder,
    .newer_names = kNewerVitNames,
};

}  // namespace hft
