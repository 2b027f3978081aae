// Idefics3 (arXiv:2408.12637) and SmolVLM (arXiv:2504.05299): what SigLIP's tower sees in the parts of
// a picture and in the whole of it becomes, squares of patches side by side and one product later,
// embeddings of Llama's text. Checked against the configs of HuggingFaceTB/SmolVLM-256M-Instruct and
// SmolVLM2-500M-Video-Instruct. Shapes: T tiles of a picture, P patches of a tile, V hidden of the
// tower, S patches of a square's edge, D of the text.
#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/checkpoint/config.h"
#include "core/checkpoint/config_class.h"
#include "core/models/architecture.h"
#include "core/models/several/llava.h"
#include "core/models/vision/clip.h"

namespace hft {
namespace {

// SigLIP's config with the defaults of Idefics3VisionConfig.
Fields idefics3_vision(const Fields& config) {
  Json vision = config.object("vision_config").json();
  const std::pair<const char*, int> defaults[] = {
      {"hidden_size", 1152}, {"intermediate_size", 3072}, {"num_hidden_layers", 12},
      {"num_attention_heads", 16}, {"image_size", 224}, {"patch_size", 32}};
  for (const auto& [name, value] : defaults)
    if (!found(vision, name)) vision[name] = value;
  vision["model_type"] = "siglip_vision_model";
  return Fields(std::move(vision), config.where() + ": 'vision_config'");
}

// The place along an edge of `side` positions that each of `count` patches has. The two releases
// round otherwise.
Tensor idefics3_places(std::int64_t count, std::int64_t side, bool version_5) {
  const double step = 1.0 / static_cast<double>(side), most = 1 - 1e-6;
  const Tensor boundaries = at::arange(step, 1.0, step, at::kFloat);
  const Tensor patches = at::arange(count, at::kFloat);
  const auto patch_count = static_cast<double>(count);
  const Tensor along = version_5 ? (patches * (1 / patch_count)).clamp_max(most)
                                 : patches / patch_count * most;
  return at::bucketize(along, boundaries, false, true);  // [count]
}

struct Idefics3Sight {
  Vit vit;
  LayerNorm post_layernorm;
  Linear proj;
  std::int64_t scale;

  Idefics3Sight(const Fields& config, const Weights& w, std::int64_t hidden)
      : Idefics3Sight(config, idefics3_vision(config), w / "model", hidden) {}

  Tensor operator()(const Pictures& tiles) const {
    const Vit::States states = vit(tiles, 0);
    const Tensor x = post_layernorm(states.x);  // [T*P,V]
    std::vector<Tensor> rows;
    for (std::size_t t = 0; t < states.grids.size(); ++t) {
      const Grid& grid = states.grids[t];
      if (grid.height % scale != 0 || grid.width % scale != 0)
        fail(Errc::kBadData, "a picture is ", grid.width, " x ", grid.height,
             " patches large, wanted multiples of ", scale, " each");
      rows.push_back(x.narrow(0, states.seqs.starts[t], grid.cells())
                         .view({grid.height / scale, scale, grid.width / scale, scale, -1})
                         .permute({0, 2, 1, 3, 4})
                         .reshape({grid.cells() / (scale * scale), -1}));  // [P/S^2,S*S*V]
    }
    const Tensor seen = proj(at::concat(rows));  // [T*P/S^2,D]
    tiles.note("model.connector", seen);
    return seen;
  }

 private:
  Idefics3Sight(const Fields& config, const Fields& vision, const Weights& w, std::int64_t hidden)
      : vit(clip_tower(vision, w / "vision_model",
                       vision.integer("num_hidden_layers", 0, limits::kLayers))),
        scale(config.integer("scale_factor", 1, 64, 2)) {
    if (vit.grid.height != vit.grid.width)
      fail(Errc::kUnsupported, vision.where(), ": 'image_size' and 'patch_size' are no squares");
    vit.places = [side = vit.grid.height, newer = is_version_5(config)](const Grid& grid) {
      return (idefics3_places(grid.height, side, newer).unsqueeze(1) * side +
              idefics3_places(grid.width, side, newer))
          .flatten();
    };
    const auto seen = vision.integer("hidden_size", 1, limits::kHidden);
    post_layernorm = LayerNorm(w / "vision_model" / "post_layernorm", seen,
                               vision.real("layer_norm_eps", 0, 1, 1e-6));
    proj = Linear(w / "connector" / "modality_projection" / "proj", {hidden, seen * scale * scale}, false);
  }
};

DecoderNet build_idefics3(const Fields& config, const Weights& w) {
  DecoderNet net = language_model_of(config, w, "llama");
  net.pictures = {
      .token = static_cast<std::int32_t>(config.integer("image_token_id", 0, net.vocab - 1, 128257)),
      .see = [sight = Idefics3Sight(config, w, net.size)](const Pictures& tiles, const Grid&,
                                                          bool) -> PictureTokens {
        return {sight(tiles), {}, {}};
      }};
  return net;
}

constexpr std::pair<std::string_view, std::string_view> kIdefics3Names[] = {
    {"language_model.model.", "model.text_model."}, {"language_model.lm_head.", "lm_head."}};

}  // namespace

extern const Architecture idefics3{
    .types = {"idefics3", "smolvlm"},
    .base = "",
    .decoder = build_idefics3,
    .newer_names = kIdefics3Names,
    .sees = true,
};

}  // namespace hft
