// Qwen2-VL (arXiv:2409.12191), Qwen2.5-VL (arXiv:2502.13923) and Qwen3-VL (arXiv:2511.21631): pictures
// of any size in patches that turn by row and column, merged by fours into embeddings of a language
// model whose tokens turn by time, row and column. Checked against the configs of
// Qwen/Qwen2-VL-2B-Instruct, Qwen2.5-VL-3B-Instruct and Qwen3-VL-2B-Instruct.
// Shapes: N patches of a picture in the order of their merge groups, G groups of M patches, V hidden of
// the patches, D of the text, E of a head.
#include <cmath>
#include <numeric>

#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/checkpoint/config.h"
#include "core/models/architecture.h"
#include "core/models/vision/vit.h"
#include "core/nn/attention.h"
#include "core/nn/embedding.h"
#include "core/nn/rope.h"

namespace hft {

extern const Architecture qwen2, qwen3;

namespace {

enum class Generation { k2, k25, k3 };

struct QwenVlVisionConfig {
  BlockShape block;
  std::int64_t layers, channels, patch, times, merge, out;
  QwenVlVisionConfig(const Fields& c, Generation generation)
      : block{.hidden = c.integer(generation == Generation::k2 ? "embed_dim" : "hidden_size", 1,
                                  limits::kHidden, hidden(generation)),
              .heads = c.integer("num_heads", 1, limits::kHidden, 16),
              .ffn = 0,
              .activation =
                  activation_named(c.text("hidden_act", activation(generation)), c.where()),
              .eps = 1e-6},
        layers(c.integer("depth", 0, limits::kLayers, generation == Generation::k3 ? 27 : 32)),
        channels(c.integer(c.has("in_channels") ? "in_channels" : "in_chans", 1, 1024, 3)),
        patch(c.integer("patch_size", 1, 1024, generation == Generation::k3 ? 16 : 14)),
        times(c.integer("temporal_patch_size", 1, 64, 2)),
        merge(c.integer("spatial_merge_size", 1, 64, 2)),
        out(c.integer(generation == Generation::k2 ? "hidden_size" : "out_hidden_size", 1,
                      limits::kHidden, 3584)) {
    block.ffn = generation == Generation::k2
                    ? static_cast<std::int64_t>(static_cast<double>(block.hidden) *
                                                c.real("mlp_ratio", 0, 1e3, 4))
                    : c.integer("intermediate_size", 1, limits::kHidden,
                                generation == Generation::k3 ? 4304 : 3420);
    if (head_size(c, block.hidden, block.heads) % 4 != 0)
      fail(Errc::kBadData, c.where(), ": a head has ", block.hidden / block.heads,
           " numbers, wanted a multiple of 4: they turn by row and column");
  }
  std::int64_t group() const { return merge * merge; }
  std::int64_t side() const { return patch * merge; }

 private:
  static std::int64_t hidden(Generation generation) {
    return generation == Generation::k2 ? 1280 : generation == Generation::k25 ? 3584 : 1152;
  }
  static const char* activation(Generation generation) {
    return generation == Generation::k2    ? "quick_gelu"
           : generation == Generation::k25 ? "silu"
                                           : "gelu_pytorch_tanh";
  }
};

// A picture cut into patches, and where each is.
struct Cut {
  Tensor patches;         // [N, C*times*patch*patch]
  Tensor rows, columns;   // [N] float32
  Grid grid, groups;
};

Cut cut_of(const QwenVlVisionConfig& c, const Tensor& picture) {  // [C,H,W]
  const auto height = picture.size(1), width = picture.size(2), m = c.merge, p = c.patch;
  if (height % c.side() != 0 || width % c.side() != 0 || height * width == 0)
    fail(Errc::kBadData, "a picture is made ", width, " x ", height,
         " pixels large, but the model sees multiples of ", c.side());
  Cut cut{.grid = {height / p, width / p}, .groups = {height / c.side(), width / c.side()}};
  const auto n = cut.grid.cells(), gh = cut.groups.height, gw = cut.groups.width;
  // A still picture is there at every time of the kernel.
  cut.patches = picture.reshape({c.channels, gh, m, p, gw, m, p})
                    .permute({1, 4, 2, 5, 0, 3, 6})
                    .reshape({n, c.channels, 1, p * p})
                    .expand({n, c.channels, c.times, p * p})
                    .reshape({n, -1});
  const auto places = [&](std::int64_t groups, at::IntArrayRef shape) {
    return at::arange(groups * m, at::kFloat).view(shape).expand({gh, gw, m, m}).reshape({n});
  };
  cut.rows = places(gh, {gh, 1, m, 1});
  cut.columns = places(gw, {1, gw, 1, m});
  return cut;
}

// Half of a head's pairs turn by the row, half by the column.
Tensor angles_of(const Cut& cut, std::int64_t head) {
  const auto half = head / 2;
  const Tensor turns = at::pow(10000.0, at::arange(0, half, 2, at::kFloat) / half).reciprocal();
  const Tensor all = at::concat(
      {cut.rows.unsqueeze(1) * turns, cut.columns.unsqueeze(1) * turns}, 1);  // [N,E/2]
  return at::concat({all.cos(), all.sin()}, 1);
}

Linear patch_embed(const QwenVlVisionConfig& c, const Weights& w, bool bias) {
  return Linear(w / "patch_embed",
                {{"proj", c.block.hidden, {.kernel = {c.channels, c.times, c.patch, c.patch}}}},
                c.channels * c.times * c.patch * c.patch, bias);
}

template <class Norm>
struct Merger {
  Norm norm;
  Linear fc1, fc2;
  std::int64_t size;  // of a group of patches
  bool after;         // the groups are normalised, not the patches
  Tensor operator()(const Tensor& x) const {  // [N,V] -> [G,D]
    const Tensor groups = after ? norm(x.view({-1, size})) : norm(x).view({-1, size});
    return fc2(fc1(groups, Activation::kGelu));
  }
};

template <class Norm>
Merger<Norm> merger_of(const QwenVlVisionConfig& c, const Weights& w, bool newer,
                       bool after = false) {
  const auto size = c.block.hidden * c.group();
  return {.norm = Norm(w / (newer ? "norm" : "ln_q"), after ? size : c.block.hidden, c.block.eps),
          .fc1 = Linear(w / (newer ? "linear_fc1" : "mlp.0"), {size, size}),
          .fc2 = Linear(w / (newer ? "linear_fc2" : "mlp.2"), {c.out, size}),
          .size = size,
          .after = after};
}

const BlockNames kQwenVlNames{.norm1 = "norm1",
                              .norm2 = "norm2",
                              .qkv = "attn.qkv",
                              .attention_output = "attn.proj",
                              .fc1 = "mlp.fc1",
                              .fc2 = "mlp.fc2"};
const BlockNames kNewerNames{.norm1 = "norm1", .norm2 = "norm2", .qkv = "attn.qkv",
                             .attention_output = "attn.proj", .fc1 = "mlp.linear_fc1",
                             .fc2 = "mlp.linear_fc2"};

// Positions learnt for a square of cells, sampled so that its corners are the picture's.
struct PositionTable {
  Embedding pos_embed;
  std::int64_t side;
  PositionTable(const Fields& config, const QwenVlVisionConfig& c, const Weights& w)
      : side(static_cast<std::int64_t>(std::sqrt(static_cast<double>(
            config.integer("num_position_embeddings", 1, limits::kPositions, 2304))))) {
    pos_embed = Embedding(w / "pos_embed",
                          config.integer("num_position_embeddings", 1, limits::kPositions, 2304),
                          c.block.hidden);
  }
  Tensor operator()(const Cut& cut) const {  // [N,V]
    const Axis down = axis(cut.rows, cut.grid.height), across = axis(cut.columns, cut.grid.width);
    Tensor sum;
    for (const int y : {0, 1})
      for (const int x : {0, 1}) {
        const Tensor weights = (down.weights[y] * across.weights[x]).unsqueeze(1);
        const Tensor part = pos_embed(down.cells[y] * side + across.cells[x]) * weights;
        sum = sum.defined() ? sum + part : part;
      }
    return sum.to(pos_embed.dtype);
  }

 private:
  struct Axis {
    Tensor cells[2], weights[2];
  };
  Axis axis(const Tensor& places, std::int64_t count) const {
    const Tensor at = places * static_cast<double>(side - 1) /
                      static_cast<double>(std::max<std::int64_t>(count - 1, 1));
    const Tensor low = at.floor(), share = at - low, cell = low.to(at::kLong);
    return {{cell, (cell + 1).clamp_max(side - 1)}, {1 - share, share}};
  }
};

struct Qwen2Vision {
  QwenVlVisionConfig c;
  Linear proj;
  std::optional<PositionTable> positions;
  std::vector<VitBlock> blocks;
  Merger<LayerNorm> merger;
  std::vector<std::int64_t> taps;  // the blocks after which more is seen
  std::vector<Merger<LayerNorm>> deeper;

  Qwen2Vision(const Fields& config, const Weights& w, Generation generation)
      : c(config, generation),
        proj(patch_embed(c, w, generation == Generation::k3)),
        merger(merger_of<LayerNorm>(c, w / "merger", generation == Generation::k3)) {
    const bool newer = generation == Generation::k3;
    for (std::int64_t i = 0; i < c.layers; ++i)
      blocks.emplace_back(c.block, newer ? kNewerNames : kQwenVlNames, w / "blocks" / i);
    if (!newer) return;
    positions.emplace(config, c, w);
    taps = integers(config, "deepstack_visual_indexes", {8, 16, 24}, 0, limits::kLayers);
    for (std::size_t i = 0; i < taps.size(); ++i)
      deeper.push_back(merger_of<LayerNorm>(
          c, w / "deepstack_merger_list" / static_cast<std::int64_t>(i), true, true));
  }

  PictureTokens operator()(const Pictures& tiles, const Grid&, bool) const {
    const Cut cut = cut_of(c, tiles.pixels[0]);
    Tensor x = proj(cut.patches);  // [N,V]
    if (positions) x = x + (*positions)(cut);
    const Sequences seqs = one_sequence(x);
    const Tensor angles = angles_of(cut, c.block.hidden / c.block.heads);
    std::map<std::int64_t, Tensor> seen;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      x = blocks[i](x, seqs, {}, {}, angles);
      tiles.note(blocks[i].path, x);
      for (std::size_t j = 0; j < taps.size(); ++j)
        if (taps[j] == static_cast<std::int64_t>(i)) seen[taps[j]] = deeper[j](x);
    }
    PictureTokens tokens{merger(x), {}, cut.groups};
    for (const auto& [block, states] : seen) tokens.deeper.push_back(states);
    return tokens;
  }
};

// RMS norms and gated products; most blocks attend within windows.
struct WindowBlock {
  RmsNorm norm1, norm2;
  Linear qkv, proj, gate_up, down_proj;
  std::int64_t heads;
  std::string path;

  WindowBlock(const BlockShape& s, const Weights& w)
      : norm1(w / "norm1", s.hidden, s.eps),
        norm2(w / "norm2", s.hidden, s.eps),
        qkv(w / "attn" / "qkv", {3 * s.hidden, s.hidden}),
        proj(w / "attn" / "proj", {s.hidden, s.hidden}),
        gate_up(Linear::gated(w / "mlp", {{{"gate_proj", s.ffn}, {"up_proj", s.ffn}}}, s.hidden,
                              s.activation, true)),
        down_proj(w / "mlp" / "down_proj", {s.hidden, s.ffn}),
        heads(s.heads),
        path(w.path()) {}

  Tensor operator()(const Tensor& x, const Sequences& seqs, const Tensor& angles) const {
    Tensor mixed = qkv(norm1(x));  // [N,3V]
    Rope::rotate(mixed, angles, 2 * heads, x.size(1) / heads);
    const Tensor y = proj.plus(attend(mixed, heads, seqs), x);
    return down_proj.plus(gate_up(norm2(y)), y);
  }
};

// The merge groups of a picture window by window.
struct Windows {
  std::vector<std::int64_t> order;  // [G]
  Sequences seqs;                   // of patches
  Windows(const Grid& groups, std::int64_t edge, std::int64_t group) {
    for (std::int64_t top = 0; top < groups.height; top += edge)
      for (std::int64_t left = 0; left < groups.width; left += edge) {
        const auto bottom = std::min(top + edge, groups.height);
        const auto right = std::min(left + edge, groups.width);
        for (auto y = top; y < bottom; ++y)
          for (auto x = left; x < right; ++x) order.push_back(y * groups.width + x);
        seqs.starts.push_back(static_cast<std::int64_t>(order.size()) * group);
      }
  }
};

struct WindowVision {
  QwenVlVisionConfig c;
  Linear proj;
  std::vector<WindowBlock> blocks;
  Merger<RmsNorm> merger;
  std::int64_t edge;                // of a window, in groups
  std::vector<std::int64_t> whole;  // the blocks that attend to all of a picture

  WindowVision(const Fields& config, const Weights& w)
      : c(config, Generation::k25),
        proj(patch_embed(c, w, false)),
        merger(merger_of<RmsNorm>(c, w / "merger", false)),
        edge(config.integer("window_size", c.side(), limits::kHidden, 112) / c.side()),
        whole(integers(config, "fullatt_block_indexes", {7, 15, 23, 31}, 0, limits::kLayers)) {
    for (std::int64_t i = 0; i < c.layers; ++i) blocks.emplace_back(c.block, w / "blocks" / i);
  }

  PictureTokens operator()(const Pictures& tiles, const Grid&, bool) const {
    const Cut cut = cut_of(c, tiles.pixels[0]);
    const Windows windows(cut.groups, edge, c.group());
    const Tensor order = at::tensor(windows.order, at::kLong);
    const auto reordered = [&](const Tensor& x) {
      return x.view({-1, c.group() * x.size(1)}).index_select(0, order).view(x.sizes());
    };
    Tensor x = reordered(proj(cut.patches));  // [N,V]
    const Tensor angles = reordered(angles_of(cut, c.block.hidden / c.block.heads));
    const Sequences all = one_sequence(x);
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      const bool sees_all = std::ranges::count(whole, static_cast<std::int64_t>(i)) > 0;
      x = blocks[i](x, sees_all ? all : windows.seqs, angles);
      tiles.note(blocks[i].path, x);
    }
    return {merger(x).index_select(0, order.argsort()), {}, cut.groups};
  }
};

// The language model's config: flat in the first files.
Fields text_fields(const Fields& config, Generation generation) {
  const Fields written = text_part(config, "qwen2");
  Json text = written.json();
  const bool newer = generation == Generation::k3;
  const std::pair<const char*, Json> defaults[] = {
      {"rms_norm_eps", newer ? 1e-6 : 1e-5}, {"num_key_value_heads", newer ? 32 : 8},
      {"rope_theta", newer ? 5e5 : 1e6}, {"max_position_embeddings", newer ? 128000 : 32768}};
  for (const auto& [name, value] : defaults)
    if (!written.has(name)) text[name] = value;
  Json rope = written.object("rope_scaling").json();
  if (newer && !rope.contains("mrope_section")) rope["mrope_section"] = {24, 20, 20};
  if (!rope.contains("mrope_section"))
    fail(Errc::kBadData, written.where(), ": rope_scaling has no 'mrope_section'");
  rope["mrope_interleaved"] = newer;
  text["rope_scaling"] = std::move(rope);
  return Fields(std::move(text), written.where());
}

template <Generation generation>
DecoderNet build_qwen_vl(const Fields& config, const Weights& w) {
  const Architecture& text = generation == Generation::k3 ? qwen3 : qwen2;
  DecoderNet net = text.decoder(text_fields(config, generation), w);
  net.pictures.token = static_cast<std::int32_t>(
      config.integer("image_token_id", 0, net.vocab - 1, 151655));
  net.pictures.by_axes = true;
  const Fields vision = config.object("vision_config");
  const QwenVlVisionConfig c(vision, generation);
  if (c.out != net.size)
    fail(Errc::kBadData, vision.where(), ": makes embeddings of ", c.out,
         " numbers, but those of the text have ", net.size);
  if constexpr (generation == Generation::k25)
    net.pictures.see = WindowVision(vision, w / "visual");
  else
    net.pictures.see = Qwen2Vision(vision, w / "visual", generation);
  return net;
}

constexpr std::pair<std::string_view, std::string_view> kQwenVlNewer[] = {
    {"model.", "model.language_model."}, {"visual.", "model.visual."}};

constexpr Architecture architecture(std::string_view type,
                                    DecoderNet (*decoder)(const Fields&, const Weights&)) {
  Architecture made{};
  made.types = {type};
  made.decoder = decoder;
  made.newer_names = kQwenVlNewer;
  made.sees = true;
  return made;
}

}  // namespace

extern const Architecture qwen2_vl = architecture("qwen2_vl", build_qwen_vl<Generation::k2>);
extern const Architecture qwen2_5_vl = architecture("qwen2_5_vl", build_qwen_vl<Generation::k25>);
extern const Architecture qwen3_vl = architecture("qwen3_vl", build_qwen_vl<Generation::k3>);

}  // namespace hft
