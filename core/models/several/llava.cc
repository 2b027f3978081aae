// LLaVA-1.5 (arXiv:2310.03744) and LLaVA-OneVision (arXiv:2408.03326): what CLIP or SigLIP sees in a
// picture becomes, by two products, embeddings of a language model's text. Checked against the configs
// of llava-hf/llava-1.5-7b-hf and llava-hf/llava-onevision-qwen2-0.5b-ov-hf.
// Shapes: T tiles of a picture, P patches of a tile, V hidden of the tower, D of the text.
#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/base/tiles.h"
#include "core/checkpoint/config.h"
#include "core/models/architecture.h"
#include "core/models/lookup.h"
#include "core/models/several/llava.h"
#include "core/models/vision/clip.h"

namespace hft {
namespace {

// Which of the tower's states are seen, by how many blocks came before them.
std::vector<std::int64_t> taps_of(const Fields& config, std::int64_t fallback, std::int64_t layers) {
  const Json* one = config.find("vision_feature_layer");
  std::vector<std::int64_t> taps =
      one && one->is_array()
          ? integers(config, "vision_feature_layer", {}, -layers - 1, layers)
          : std::vector{config.integer("vision_feature_layer", -layers - 1, layers, fallback)};
  if (taps.empty()) fail(Errc::kBadData, config.where(), ": 'vision_feature_layer' is empty");
  for (auto& tap : taps)
    if (tap < 0) tap += layers + 1;
  return taps;
}

// Files of transformers 5 have the tower's parts without "vision_model" before them.
Weights tower_place(const Weights& w) {
  const Weights tower = w / "vision_tower";
  return tower.has("embeddings.patch_embedding.weight") ? tower : tower / "vision_model";
}

Vit tower_of(const Fields& config, const Weights& w, std::int64_t fallback) {
  const Fields vision = config.object("vision_config");
  const auto layers = vision.integer("num_hidden_layers", 0, limits::kLayers, 12);
  const auto taps = taps_of(config, fallback, layers);
  const auto blocks = *std::ranges::max_element(taps);
  Vit vit = clip_tower(vision, tower_place(w), blocks);
  vit.taps = taps;
  // What comes after the last of them is in the files all the same.
  for (const Weights& tower : {w / "vision_tower", w / "model" / "vision_tower"})
    for (const Weights& place : {tower, tower / "vision_model"}) {
      for (const char* unused : {"post_layernorm", "head"}) (place / unused).ignore();
      for (auto i = blocks; i < layers; ++i) (place / "encoder" / "layers" / i).ignore();
    }
  return vit;
}

struct Projector {
  Linear linear_1, linear_2;
  Activation activation;
  Projector(const Fields& config, const Weights& w, std::int64_t seen, std::int64_t hidden)
      : linear_1(w / "linear_1", {hidden, seen}, config.boolean("multimodal_projector_bias", true)),
        linear_2(w / "linear_2", {hidden, hidden},
                 config.boolean("multimodal_projector_bias", true)),
        activation(
            activation_named(config.text("projector_hidden_act", "gelu"), config.where())) {}
  Tensor operator()(const Tensor& x) const { return linear_2(linear_1(x, activation)); }
};

struct Sight {
  Vit vit;
  bool drops_first;  // the class token
  Projector multi_modal_projector;

  Sight(const Fields& config, const Weights& w, std::int64_t layer, const char* strategy,
        std::int64_t hidden)
      : vit(tower_of(config, w, layer)),
        drops_first(drops(config, strategy)),
        multi_modal_projector(config, w / "multi_modal_projector",
                              static_cast<std::int64_t>(vit.taps.size()) * tower_size(config),
                              hidden) {}

  // Of each tile the same number of rows, [T*P,D].
  Tensor operator()(const Pictures& tiles) const {
    for (const Tensor& tile : tiles.pixels)
      if (vit.patches.grid_of(tile) != vit.grid)
        fail(Errc::kBadData, "a picture is made ", tile.size(2), " x ", tile.size(1),
             " pixels large, but the model sees ", vit.grid.width * vit.patches.size.width, " x ",
             vit.grid.height * vit.patches.size.height);
    const Vit::States states = vit(tiles, 0);
    Tensor seen = states.x;
    if (drops_first) {
      const auto count = states.seqs.count(), length = states.seqs.length(0);
      seen = seen.view({count, length, -1}).narrow(1, 1, length - 1).flatten(0, 1);  // [T*P,V]
    }
    seen = multi_modal_projector(seen);
    tiles.note("multi_modal_projector", seen);
    return seen;
  }

 private:
  static std::int64_t tower_size(const Fields& config) {
    return config.object("vision_config").integer("hidden_size", 1, limits::kHidden, 768);
  }
  static bool drops(const Fields& config, const char* fallback) {
    const std::string strategy = config.text("vision_feature_select_strategy", fallback);
    if (strategy != "default" && strategy != "full")
      fail(Errc::kBadData, config.where(), ": 'vision_feature_select_strategy' is '", strategy,
           "', wanted default or full");
    return strategy == "default";
  }
};

}  // namespace

DecoderNet language_model_of(const Fields& config, const Weights& w, const char* fallback) {
  const Fields text = text_part(config, fallback);
  const std::string type = text.text("model_type");
  constexpr std::string_view kTexts[] = {"llama", "mistral", "qwen2", "qwen3"};
  if (!std::ranges::count(kTexts, type))
    fail(Errc::kUnsupported, text.where(), ": model_type '", type,
         "' is not supported as the language model, wanted llama, mistral, qwen2 or qwen3");
  return architecture_of(text, ModelClass::kCausalLm).decoder(text, w / "language_model");
}

namespace {

std::int32_t picture_token(const Fields& config, const DecoderNet& text, std::int64_t fallback) {
  const char* key = config.has("image_token_id") ? "image_token_id" : "image_token_index";
  return static_cast<std::int32_t>(config.integer(key, 0, text.vocab - 1, fallback));
}

DecoderNet build_llava(const Fields& config, const Weights& w) {
  DecoderNet net = language_model_of(config, w, "llama");
  net.pictures = {.token = picture_token(config, net, 32000),
                  .see = [sight = Sight(config, w, -2, "default", net.size)](
                             const Pictures& tiles, const Grid&, bool) -> PictureTokens {
                    return {sight(tiles), {}, {}};
                  }};
  return net;
}

// The whole picture, then its tiles as one grid without what pads it; a token ends every row.
struct Grids {
  Sight sight;
  Tensor image_newline;  // [1,D]
  std::vector<PictureSize> resolutions;
  std::int64_t edge, most;  // of a tile; tiles

  PictureTokens operator()(const Pictures& tiles, const Grid& size, bool alone) const {
    const Tensor seen = sight(tiles);
    const auto count = static_cast<std::int64_t>(tiles.pixels.size());
    const auto each = seen.size(0) / count;
    if (count == 1 && !alone) return {at::concat({seen, image_newline}), {}, {}};
    const PictureSize picture{size.height, size.width};
    const PictureSize best = best_resolution(picture, resolutions);
    const Grid of_tiles{best.height / edge, best.width / edge};
    if (count != 1 + of_tiles.cells() || each != sight.vit.grid.cells())
      fail(Errc::kBadData, "a picture is in ", count - 1, " tiles of ", each,
           " patches, but the model wants ", of_tiles.cells(), " of ", sight.vit.grid.cells());
    const Tensor rows = in_rows(seen.narrow(0, each, seen.size(0) - each), of_tiles, picture);
    return {at::concat({seen.narrow(0, 0, each), rows}), {}, {}};
  }

 private:
  Tensor in_rows(const Tensor& seen, const Grid& of_tiles, PictureSize picture) const {
    const Grid& grid = sight.vit.grid;
    const PictureSize whole{of_tiles.height * grid.height, of_tiles.width * grid.width};
    Tensor cells = seen.view({of_tiles.height, of_tiles.width, grid.height, grid.width, -1})
                       .permute({4, 0, 2, 1, 3})
                       .reshape({-1, whole.height, whole.width});  // [D,h,w]
    const PictureSize middle = unpadded(picture, whole);
    cells = cells.narrow(1, (whole.height - middle.height) / 2, middle.height)
                .narrow(2, (whole.width - middle.width) / 2, middle.width);
    const PictureSize wanted = shrunk(middle, most, grid.height);
    if (wanted != middle)
      cells = at::upsample_bilinear2d(cells.unsqueeze(0).contiguous(), {wanted.height, wanted.width},
                                      false)[0];
    const Tensor ends = image_newline.t().unsqueeze(1).expand({-1, wanted.height, 1});  // [D,h,1]
    return at::concat({cells, ends}, 2).flatten(1).t().contiguous();  // [h*(w+1),D]
  }
};

DecoderNet build_onevision(const Fields& config, const Weights& w) {
  DecoderNet net = language_model_of(config, w, "qwen2");
  Tensor newline = w.small("image_newline", {net.size});
  if (newline.defined()) newline = newline.unsqueeze(0);
  const Fields vision = config.object("vision_config");
  net.pictures = {.token = picture_token(config, net, 151646),
                  .see = Grids{Sight(config, w, -1, "full", net.size), std::move(newline),
                               resolutions_of(config),
                               vision.integer("image_size", 1, limits::kHidden, 384),
                               most_tiles(config)}};
  return net;
}

constexpr std::pair<std::string_view, std::string_view> kLlavaNewer[] = {
    {"language_model.model.", "model.language_model."},
    {"language_model.lm_head.", "lm_head."},
    {"vision_tower.", "model.vision_tower."},
    {"multi_modal_projector.", "model.multi_modal_projector."},
    {"image_newline", "model.image_newline"}};

}  // namespace

extern const Architecture llava{
    .types = {"llava"},
    .base = "",
    .decoder = build_llava,
    .newer_names = kLlavaNewer,
    .sees = true,
};
extern const Architecture llava_onevision{
    .types = {"llava_onevision"},
    .base = "",
    .decoder = build_onevision,
    .newer_names = kLlavaNewer,
    .sees = true,
};

}  // namespace hft
