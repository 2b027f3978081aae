// Checked against the configs of microsoft/swin-tiny-patch4-window7-224 and of the backbone of
// facebook/mask2former-swin-base-coco-panoptic.
#include "core/models/vision/swin.h"

#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/models/architecture.h"
#include "core/nn/attention.h"

namespace hft {

SwinShape::SwinShape(const Fields& config)
    : channels(config.integer("num_channels", 1, 1024, 3)),
      embed(config.integer("embed_dim", 1, limits::kHidden, 96)),
      window(config.integer("window_size", 1, 1024, 7)),
      depths(integers(config, "depths", {2, 2, 6, 2}, 0, limits::kLayers)),
      heads(integers(config, "num_heads", {3, 6, 12, 24}, 1, limits::kHidden)),
      patch(grid_field(config, "patch_size", 4)),
      ffn(config.real("mlp_ratio", 0.01, 1024, 4.0)),
      eps(config.real("layer_norm_eps", 0, 1, 1e-5)),
      activation(activation_named(config.text("hidden_act", "gelu"), config.where())),
      qkv_bias(config.boolean("qkv_bias", true)) {
  if (config.boolean("use_absolute_embeddings", false))
    fail(Errc::kUnsupported, config.where(), ": 'use_absolute_embeddings' is true, wanted false");
  if (depths.empty() || depths.size() > 16 || depths.size() != heads.size())
    fail(Errc::kBadData, config.where(), ": 'depths' has ", depths.size(),
         " stages and 'num_heads' ", heads.size(), ", wanted as many of both");
  for (std::size_t i = 0; i < heads.size(); ++i) head_size(config, width(i), heads[i]);
}

Windows windows_of(const std::vector<Grid>& grids, std::int64_t size, bool shifted, bool always) {
  Windows windows{.size = size, .shift = shifted ? size / 2 : 0};
  std::int64_t cells = 0;
  for (const Grid& grid : grids) {
    cells += grid.cells();
    if (const auto least = std::min(grid.height, grid.width); !always && least <= windows.size)
      windows = {.size = least};
  }
  const auto side = windows.size;
  const auto shift = windows.shift;
  windows.places = at::empty({cells}, at::kLong);
  auto* places = windows.places.data_ptr<std::int64_t>();
  std::vector<std::int64_t> rows;
  for (const bool last_row : {false, true})
    for (const bool last_column : {false, true}) {
      Windows::Kind kind{static_cast<std::int64_t>(rows.size()) / (side * side), 0, last_row,
                         last_column};
      std::int64_t begin = 0;
      for (const Grid& grid : grids) {
        const auto down = (grid.height + side - 1) / side, across = (grid.width + side - 1) / side;
        for (std::int64_t i = 0; i < down; ++i)
          for (std::int64_t j = 0; j < across; ++j) {
            const bool lower = shift > 0 && i + 1 == down, right = shift > 0 && j + 1 == across;
            if (lower != last_row || right != last_column) continue;
            ++kind.count;
            for (std::int64_t y = i * side; y < (i + 1) * side; ++y)
              for (std::int64_t x = j * side; x < (j + 1) * side; ++x) {
                const auto row = (y + shift) % (down * side), column = (x + shift) % (across * side);
                const bool inside = row < grid.height && column < grid.width;
                const auto cell = begin + row * grid.width + column;
                if (inside) places[cell] = static_cast<std::int64_t>(rows.size());
                rows.push_back(inside ? cell : cells);
              }
          }
        begin += grid.cells();
      }
      if (kind.count > 0) windows.kinds.push_back(kind);
    }
  windows.rows = at::empty({static_cast<std::int64_t>(rows.size())}, at::kLong);
  std::ranges::copy(rows, windows.rows.data_ptr<std::int64_t>());
  return windows;
}

SwinBlock::SwinBlock(const SwinShape& s, std::size_t stage, const Weights& w)
    : norm_before(w / "layernorm_before", s.width(stage), s.eps),
      norm_after(w / "layernorm_after", s.width(stage), s.eps),
      query_key_value(w / "attention" / "self",
                      {{"query", s.width(stage)}, {"key", s.width(stage)}, {"value", s.width(stage)}},
                      s.width(stage), s.qkv_bias),
      attention_output(w / "attention" / "output" / "dense", {s.width(stage), s.width(stage)}),
      intermediate(w / "intermediate" / "dense",
                   {static_cast<std::int64_t>(s.ffn * static_cast<double>(s.width(stage))),
                    s.width(stage)}),
      output(w / "output" / "dense",
             {s.width(stage),
              static_cast<std::int64_t>(s.ffn * static_cast<double>(s.width(stage)))}),
      table((w / "attention" / "self")
                .get("relative_position_bias_table",
                     {(2 * s.window - 1) * (2 * s.window - 1), s.heads[stage]})),
      window(s.window),
      heads(s.heads[stage]),
      activation(s.activation),
      path(w.path()) {}

// Two cells that the shift has put side by side from opposite edges see each other 100 less.
Tensor SwinBlock::make_bias(const Windows& windows, const Windows::Kind& kind) const {
  const auto side = windows.size, cells = side * side, border = side - windows.shift;
  Tensor index = at::empty({cells, cells}, at::kLong), mask = at::zeros({cells, cells}, at::kFloat);
  auto* at = index.data_ptr<std::int64_t>();
  auto* far = mask.data_ptr<float>();
  for (std::int64_t i = 0; i < cells; ++i)
    for (std::int64_t j = 0; j < cells; ++j) {
      *at++ = (i / side - j / side + window - 1) * (2 * window - 1) + i % side - j % side + window - 1;
      const bool apart = (kind.last_row && (i / side < border) != (j / side < border)) ||
                         (kind.last_column && (i % side < border) != (j % side < border));
      *far++ = apart ? -100.0f : 0.0f;
    }
  return table.index_select(0, index.flatten().to(table.device()))
             .view({cells, cells, heads})
             .permute({2, 0, 1})
             .to(at::kFloat) +
         mask.to(table.device());
}

Tensor SwinBlock::bias_of(const Windows& windows, const Windows::Kind& kind) const {
  if (table.requires_grad()) return make_bias(windows, kind);
  return biases_.of({windows.size, windows.shift, kind.last_row, kind.last_column},
                    [&] { return make_bias(windows, kind).contiguous(); });
}

Tensor SwinBlock::operator()(const Tensor& x, const Windows& windows) const {
  const Tensor y = norm_before(x);
  const Tensor padded = at::concat({y, at::zeros({1, y.size(1)}, y.options())});
  const Tensor qkv = query_key_value(padded.index_select(0, windows.rows));
  const auto cells = windows.size * windows.size;
  std::vector<Tensor> parts;
  for (const auto& kind : windows.kinds) {
    Sequences seqs;
    seqs.device = x.device();
    for (std::int64_t i = 1; i <= kind.count; ++i) seqs.starts.push_back(i * cells);
    parts.push_back(attend(qkv.narrow(0, kind.begin * cells, kind.count * cells), heads, seqs,
                           {.bias = bias_of(windows, kind)}));
  }
  const Tensor mixed = parts.size() == 1 ? parts[0] : at::concat(parts);
  const Tensor seen = attention_output.plus(mixed.index_select(0, windows.places), x);
  return output.plus(intermediate(norm_after(seen), activation), seen);
}

SwinStages::SwinStages(const SwinShape& s, const Weights& w) : window(s.window) {
  for (std::size_t i = 0; i < s.depths.size(); ++i) {
    const Weights at = w / static_cast<std::int64_t>(i);
    Stage stage;
    for (std::int64_t b = 0; b < s.depths[i]; ++b)
      stage.blocks.emplace_back(s, i, at / "blocks" / b);
    if (i + 1 < s.depths.size()) {
      stage.merging_norm = LayerNorm(at / "downsample" / "norm", 4 * s.width(i), 1e-5);
      stage.merging = Linear(at / "downsample" / "reduction", {2 * s.width(i), 4 * s.width(i)}, false);
    }
    stages.push_back(std::move(stage));
  }
}

Swin::Swin(const SwinShape& s, const Weights& w)
    : shape(s),
      patches(w / "embeddings" / "patch_embeddings" / "projection", s.channels, s.patch, s.embed),
      norm(w / "embeddings" / "norm", s.embed, 1e-5),
      encoder(s, w / "encoder" / "layers"),
      path((w / "embeddings").path()) {}

namespace {

Tensor rounded_up(const Tensor& picture, const Grid& patch) {
  const auto lower = (patch.height - picture.size(1) % patch.height) % patch.height;
  const auto right = (patch.width - picture.size(2) % patch.width) % patch.width;
  return lower + right == 0 ? picture : at::constant_pad_nd(picture, {0, right, 0, lower});
}

// Each cell's place beside its right and lower neighbours, the lower one before the right one.
Cells merged(const Cells& x) {  // [N,C] -> [N/4,4C]
  return each_plane(x, [](const Tensor& plane) {
    const Tensor even = at::constant_pad_nd(plane, {0, plane.size(3) % 2, 0, plane.size(2) % 2});
    const auto height = even.size(2) / 2, width = even.size(3) / 2;
    return even.reshape({1, plane.size(1), height, 2, width, 2})
        .permute({0, 5, 3, 1, 2, 4})
        .reshape({1, 4 * plane.size(1), height, width});
  });
}

}  // namespace

std::vector<Cells> SwinStages::operator()(Cells x, bool always, const Note& note) const {
  std::vector<Cells> maps;
  for (const Stage& stage : stages) {
    std::array<Windows, 2> windows;
    for (const bool shifted : {false, true}) {
      windows[shifted] = windows_of(x.grids, window, shifted, always);
      windows[shifted].rows = windows[shifted].rows.to(x.x.device());
      windows[shifted].places = windows[shifted].places.to(x.x.device());
    }
    for (std::size_t b = 0; b < stage.blocks.size(); ++b) {
      x.x = stage.blocks[b](x.x, windows[b % 2]);
      if (note) note(stage.blocks[b].path, x.x);
    }
    maps.push_back(x);
    if (!stage.merging_norm) continue;
    x = merged(x);
    x.x = stage.merging((*stage.merging_norm)(x.x));
  }
  return maps;
}

std::vector<Cells> Swin::operator()(const Pictures& pictures, bool always) const {
  std::vector<Tensor> rounded;
  for (const Tensor& picture : pictures.pixels) rounded.push_back(rounded_up(picture, shape.patch));
  Cells x = patches(rounded);
  x.x = norm(x.x);
  pictures.note(path, x.x);
  return encoder(std::move(x), always, pictures.watch);
}

namespace {

ImageNet build_swin(const Fields& config, const Weights& w, ImageHead) {
  const SwinShape shape(config);
  const Weights at = w / "swin";
  const auto width = shape.width(shape.depths.size() - 1);
  ImageNet net{.channels = shape.channels};
  net.see = [swin = Swin(shape, at), norm = LayerNorm(at / "layernorm", width, shape.eps),
             classifier = Linear(w / "classifier", {label_count(config), width})](
                const Pictures& pictures) {
    const Cells last = swin(pictures, false).back();
    return each_row(classifier(mean_of_each(last.with(norm(last.x)))));
  };
  return net;
}

// The cells of the last stage; Donut's are not normalised.
PictureEncoder swin_encoder_of(const Fields& config, const Weights& w, bool normalised) {
  const SwinShape shape(config);
  const auto width = shape.width(shape.depths.size() - 1);
  (w / "pooler").ignore();
  std::optional<LayerNorm> norm;
  if (normalised) norm = LayerNorm(w / "layernorm", width, shape.eps);
  Grid grid = grid_field(config, "image_size", 224);
  const auto divided = [&grid](Grid by) {
    grid = {(grid.height + by.height - 1) / by.height, (grid.width + by.width - 1) / by.width};
  };
  divided(shape.patch);
  for (std::size_t i = 1; i < shape.depths.size(); ++i) divided({2, 2});
  return {[norm, swin = Swin(shape, w)](const Pictures& pictures) -> PictureStates {
            const Cells last = swin(pictures, false).back();
            return {norm ? (*norm)(last.x) : last.x, last.sequences()};
          },
          width, grid.cells()};
}
PictureEncoder swin_encoder(const Fields& config, const Weights& w) {
  return swin_encoder_of(config, w, true);
}
PictureEncoder donut_encoder(const Fields& config, const Weights& w) {
  return swin_encoder_of(config, w, false);
}

constexpr ImageHead kSwinHeads[] = {ImageHead::kClassify};
constexpr std::pair<std::string_view, std::string_view> kSwinNewer[] = {
    {"attention.self.relative_position", "attention.relative_position_bias.relative_position"},
    {"attention.self.query", "attention.q_proj"},
    {"attention.self.key", "attention.k_proj"},
    {"attention.self.value", "attention.v_proj"},
    {"attention.output.dense", "attention.o_proj"},
    {"intermediate.dense", "mlp.fc1"},
    {"output.dense", "mlp.fc2"}};

}  // namespace

extern const Architecture swin{
    .types = {"swin"},
    .base = "swin",
    .image = build_swin,
    .image_heads = kSwinHeads,
    .picture_encoder = swin_encoder,
    .newer_names = kSwinNewer,
};
extern const Architecture donut_swin{
    .types = {"donut-swin"},
    .base = "donut",
    .picture_encoder = donut_encoder,
    .newer_names = kSwinNewer,
};

}  // namespace hft
