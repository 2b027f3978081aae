// DINOv2: a ViT whose residual branches are scaled, positions interpolated to each picture's grid;
// its classifier sees the class token beside the mean of the patches. Paper: arXiv:2304.07193.
// Checked against the configs of facebook/dinov2-small-imagenet1k-1-layer and dinov2-giant-imagenet1k-1-layer.
#include "core/base/limits.h"
#include "core/models/architecture.h"
#include "core/models/vision/vit.h"

namespace hft {
namespace {

BlockNames dinov2_names_of(bool gated) {
  return {.norm1 = "norm1",
          .norm2 = "norm2",
          .query = "attention.attention.query",
          .key = "attention.attention.key",
          .value = "attention.attention.value",
          .attention_output = "attention.output.dense",
          .fc1 = "mlp.fc1",
          .fc2 = gated ? "mlp.weights_out" : "mlp.fc2",
          .scale1 = "layer_scale1.lambda1",
          .scale2 = "layer_scale2.lambda1",
          .gated = gated ? "mlp.weights_in" : ""};
}

BlockShape dinov2_block_of(const Fields& config, bool gated) {
  BlockShape block{.hidden = config.integer("hidden_size", 1, limits::kHidden, 768),
                   .heads = config.integer("num_attention_heads", 1, limits::kHidden, 12),
                   .activation = activation_named(config.text("hidden_act", "gelu"), config.where()),
                   .eps = config.real("layer_norm_eps", 0, 1, 1e-6),
                   .qkv_bias = config.boolean("qkv_bias", true)};
  const auto ffn =
      static_cast<std::int64_t>(static_cast<double>(block.hidden) * config.real("mlp_ratio", 0.01, 1024, 4.0));
  block.ffn = gated ? (ffn * 2 / 3 + 7) / 8 * 8 : ffn;
  if (gated) block.activation = Activation::kSilu;
  head_size(config, block.hidden, block.heads);
  return block;
}

ImageNet build_dinov2(const Fields& config, const Weights& w, ImageHead) {
  const bool gated = config.boolean("use_swiglu_ffn", false);
  const BlockShape block = dinov2_block_of(config, gated);
  const auto channels = config.integer("num_channels", 1, 1024, 3);
  const Grid patch = grid_field(config, "patch_size", 14);
  const Grid picture = grid_field(config, "image_size", 224);
  const Grid grid{picture.height / patch.height, picture.width / patch.width};
  const Weights at = w / "dinov2", embeddings = at / "embeddings";

  Vit vit{.patches = {embeddings / "patch_embeddings" / "projection", channels, patch, block.hidden},
          .prefix = embeddings.small("cls_token", {1, 1, block.hidden}),
          .positions = embeddings.get("position_embeddings", {1, 1 + grid.cells(), block.hidden}),
          .grid = grid,
          .path = embeddings.path()};
  if (vit.prefix.defined()) vit.prefix = vit.prefix[0];
  if (vit.positions.defined()) vit.positions = vit.positions[0];
  const auto layers = config.integer("num_hidden_layers", 0, limits::kLayers, 12);
  for (std::int64_t i = 0; i < layers; ++i)
    vit.blocks.emplace_back(block, dinov2_names_of(gated), at / "encoder" / "layer" / i);

  ImageNet net{.channels = channels, .pixels = kPassTokens * patch.cells()};
  net.see = [vit = std::move(vit), norm = LayerNorm(at / "layernorm", block.hidden, block.eps),
             classifier = Linear(w / "classifier", {label_count(config), 2 * block.hidden})](
                const Pictures& pictures) {
    const auto states = vit(pictures, 0);
    const Tensor x = norm(states.x);
    return each_row(classifier(at::concat(
        {x.index_select(0, states.seqs.first_rows()), mean_after(x, states.seqs, 1)}, 1)));
  };
  return net;
}

constexpr ImageHead kDinov2Heads[] = {ImageHead::kClassify};
constexpr std::pair<std::string_view, std::string_view> kDinov2Newer[] = {
    {"attention.attention.query", "attention.q_proj"},
    {"attention.attention.key", "attention.k_proj"},
    {"attention.attention.value", "attention.v_proj"},
    {"attention.output.dense", "attention.o_proj"}};

}  // namespace

extern const Architecture dinov2{
    .types = {"dinov2"},
    .base = "dinov2",
    .image = build_dinov2,
    .image_heads = kDinov2Heads,
    .newer_names = kDinov2Newer,
};

}  // namespace hft
