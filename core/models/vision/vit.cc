// ViT and DeiT: patches, a class token (DeiT: and one that was distilled from a teacher), learned
// positions. Papers: arXiv:2010.11929, arXiv:2012.12877. Checked against the configs of
// google/vit-base-patch16-224, facebook/deit-base-distilled-patch16-224, Falconsai/nsfw_image_detection.
#include "core/models/vision/vit.h"

#include "core/base/limits.h"
#include "core/checkpoint/model_kinds.h"
#include "core/models/architecture.h"

namespace hft {
namespace {

Vit vit_vit_of(const VitConfig& c, const Weights& w, std::vector<std::string> prefix) {
  const Weights at = w / "embeddings";
  std::vector<Tensor> tokens;
  for (const auto& name : prefix)
    if (Tensor token = at.small(name, {1, 1, c.block.hidden}); token.defined())
      tokens.push_back(token[0]);
  Vit vit{.patches = {at / "patch_embeddings" / "projection", c.channels, c.patch, c.block.hidden},
          .prefix = tokens.empty() ? Tensor() : at::concat(tokens),
          .positions = at.get("position_embeddings",
                              {1, static_cast<std::int64_t>(prefix.size()) + c.grid.cells(),
                               c.block.hidden}),
          .grid = c.grid,
          .path = at.path()};
  if (vit.positions.defined()) vit.positions = vit.positions[0];
  for (std::int64_t i = 0; i < c.layers; ++i)
    vit.blocks.emplace_back(c.block, kVitNames, w / "encoder" / "layer" / i);
  return vit;
}

ImageNet net_of(const VitConfig& c) {
  return {.channels = c.channels, .pixels = kPassTokens * c.patch.cells()};
}

ImageNet vit_build_vit(const Fields& config, const Weights& w, ImageHead) {
  const VitConfig c(config);
  const Weights at = w / "vit";
  (at / "pooler").ignore();
  ImageNet net = net_of(c);
  net.see = [vit = vit_vit_of(c, at, {"cls_token"}),
             norm = LayerNorm(at / "layernorm", c.block.hidden, c.block.eps),
             classifier = Linear(w / "classifier", {label_count(config), c.block.hidden})](
                const Pictures& pictures) {
    return each_row(classifier(norm(vit(pictures, 1).x)));
  };
  return net;
}

PictureEncoder vit_encoder_of(const Fields& config, const Weights& w,
                              std::vector<std::string> prefix) {
  const VitConfig c(config);
  (w / "pooler").ignore();
  const auto states = static_cast<std::int64_t>(prefix.size()) + c.grid.cells();
  return {[vit = vit_vit_of(c, w, std::move(prefix)),
           norm = LayerNorm(w / "layernorm", c.block.hidden, c.block.eps)](
              const Pictures& pictures) -> PictureStates {
            Vit::States seen = vit(pictures, 0);
            return {norm(seen.x), std::move(seen.seqs)};
          },
          c.block.hidden, states};
}
PictureEncoder vit_encoder(const Fields& config, const Weights& w) {
  return vit_encoder_of(config, w, {"cls_token"});
}
PictureEncoder deit_encoder(const Fields& config, const Weights& w) {
  return vit_encoder_of(config, w, {"cls_token", "distillation_token"});
}

// With a teacher the logits are the mean of what the two tokens say.
ImageNet build_deit(const Fields& config, const Weights& w, ImageHead) {
  const VitConfig c(config);
  const Weights at = w / "deit";
  (at / "pooler").ignore();
  const bool taught = class_of(config).ends_with("WithTeacher");
  const auto linear = [&](const char* name) {
    return Linear(w / name, {label_count(config), c.block.hidden});
  };
  const Linear classifier = linear(taught ? "cls_classifier" : "classifier");
  const Linear distilled = taught ? linear("distillation_classifier") : Linear();
  ImageNet net = net_of(c);
  net.see = [=, vit = vit_vit_of(c, at, {"cls_token", "distillation_token"}),
             norm = LayerNorm(at / "layernorm", c.block.hidden, c.block.eps)](
                const Pictures& pictures) {
    if (!taught) return each_row(classifier(norm(vit(pictures, 1).x)));
    const Tensor both = norm(vit(pictures, 2).x);  // [2B,D]
    const auto of = [&](std::int64_t i) {
      return both.view({-1, 2, both.size(1)}).select(1, i).contiguous();
    };
    return each_row((classifier(of(0)) + distilled(of(1))) / 2);
  };
  return net;
}

constexpr ImageHead kVitHeads[] = {ImageHead::kClassify};

}  // namespace

extern const Architecture vit{
    .types = {"vit"},
    .base = "vit",
    .image = vit_build_vit,
    .image_heads = kVitHeads,
    .picture_encoder = vit_encoder,
    .newer_names = kNewerVitNames,
};
extern const Architecture deit{
    .types = {"deit"},
    .base = "deit",
    .image = build_deit,
    .image_heads = kVitHeads,
    .picture_encoder = deit_encoder,
    .newer_names = kNewerVitNames,
};

}  // namespace hft
