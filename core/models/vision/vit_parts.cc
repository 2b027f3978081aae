#include <algorithm>
#include <map>

#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/models/vision/vit.h"
#include "core/nn/attention.h"
#include "core/nn/pooling.h"
#include "core/nn/rope.h"

namespace hft {
namespace {

Linear qkv_of(const BlockShape& s, const BlockNames& n, const Weights& w) {
  if (!n.qkv.empty()) return Linear(w / n.qkv, {3 * s.hidden, s.hidden}, s.qkv_bias);
  return Linear(w,
                {{n.query, s.hidden}, {n.key, s.hidden, {}, s.key_bias}, {n.value, s.hidden}},
                s.hidden, s.qkv_bias);
}

Linear first_of(const BlockShape& s, const BlockNames& n, const Weights& w) {
  if (n.gated.empty()) return Linear(w / n.fc1, {s.ffn, s.hidden});
  const auto half = [&](std::int64_t begin) {
    return Linear::Part{"", s.ffn, {.begin = begin, .of = 2 * s.ffn}};
  };
  return Linear::gated(w / n.gated, {half(0), half(s.ffn)}, s.hidden, s.activation, true);
}

Tensor scale_of(const BlockShape& s, const std::string& name, const Weights& w) {
  return name.empty() ? Tensor() : w.small(name, {s.hidden});
}

// residual + scale * product(x)
Tensor add_scaled(const Linear& product, const Tensor& x, const Tensor& scale,
                  const Tensor& residual) {
  if (!scale.defined()) return product.plus(x, residual);
  return residual + product(x) * scale;
}

}  // namespace

const BlockNames kVitNames{.norm1 = "layernorm_before",
                           .norm2 = "layernorm_after",
                           .query = "attention.attention.query",
                           .key = "attention.attention.key",
                           .value = "attention.attention.value",
                           .attention_output = "attention.output.dense",
                           .fc1 = "intermediate.dense",
                           .fc2 = "output.dense"};

VitConfig::VitConfig(const Fields& config)
    : block{.hidden = config.integer("hidden_size", 1, limits::kHidden, 768),
            .heads = config.integer("num_attention_heads", 1, limits::kHidden, 12),
            .ffn = config.integer("intermediate_size", 1, limits::kHidden, 3072),
            .activation = activation_named(config.text("hidden_act", "gelu"), config.where()),
            .eps = config.real("layer_norm_eps", 0, 1, 1e-12),
            .qkv_bias = config.boolean("qkv_bias", true)},
      layers(config.integer("num_hidden_layers", 0, limits::kLayers, 12)),
      channels(config.integer("num_channels", 1, 1024, 3)),
      patch(grid_field(config, "patch_size", 16)) {
  const Grid picture = grid_field(config, "image_size", 224);
  grid = {picture.height / patch.height, picture.width / patch.width};
  head_size(config, block.hidden, block.heads);
}

VitBlock::VitBlock(const BlockShape& s, const BlockNames& n, const Weights& w)
    : norm1(w / n.norm1, s.hidden, s.eps),
      norm2(w / n.norm2, s.hidden, s.eps),
      query_key_value(qkv_of(s, n, w)),
      attention_output(w / n.attention_output, {s.hidden, s.hidden}, s.output_bias),
      fc1(first_of(s, n, w)),
      fc2(w / n.fc2, {s.hidden, s.ffn}),
      scale1(scale_of(s, n.scale1, w)),
      scale2(scale_of(s, n.scale2, w)),
      heads(s.heads),
      activation(n.gated.empty() ? s.activation : Activation::kNone),
      path(w.path()) {}

Tensor VitBlock::operator()(const Tensor& x, const Sequences& seqs,
                            const std::vector<Tensor>& biases, const Tensor& rows,
                            const Tensor& angles) const {
  Tensor qkv = query_key_value(norm1(x));  // [N,3D]
  if (angles.defined()) Rope::rotate(qkv, angles, 2 * heads, qkv.size(1) / (3 * heads));
  Tensor mixed;
  if (biases.empty() || (biases.size() == 1 && biases[0].dim() == 2)) {
    mixed = attend(qkv, heads, seqs, {.bias = biases.empty() ? Tensor() : biases[0]});
  } else {
    mixed = attend_apart(qkv, heads, seqs, biases);
  }
  const auto wanted = [&](const Tensor& all) {
    return rows.defined() ? all.index_select(0, rows) : all;
  };
  const Tensor y = add_scaled(attention_output, wanted(mixed), scale1, wanted(x));
  return add_scaled(fc2, fc1(norm2(y), activation), scale2, y);
}

Patches::Patches(const Weights& w, std::int64_t channels, Grid size, std::int64_t hidden, bool bias)
    : projection(w,
                 {{"", hidden, {.kernel = {channels, size.height, size.width}}}},
                 channels * size.height * size.width, bias),
      size(size) {}

Grid Patches::grid_of(const Tensor& picture) const {
  const Grid grid{picture.size(1) / size.height, picture.size(2) / size.width};
  if (grid.cells() == 0)
    fail(Errc::kBadData, "a picture of ", picture.size(1), " x ", picture.size(2),
         " pixels is smaller than a patch of ", size.height, " x ", size.width);
  return grid;
}

Cells Patches::operator()(const std::vector<Tensor>& pictures) const {
  std::vector<Tensor> rows;
  Cells cells;
  for (const Tensor& picture : pictures) {
    const Grid grid = grid_of(picture);
    cells.grids.push_back(grid);
    rows.push_back(picture.narrow(1, 0, grid.height * size.height)
                       .narrow(2, 0, grid.width * size.width)
                       .reshape({picture.size(0), grid.height, size.height, grid.width, size.width})
                       .permute({1, 3, 0, 2, 4})
                       .reshape({grid.cells(), -1}));
  }
  cells.x = projection(rows.size() == 1 ? rows[0] : at::concat(rows));
  return cells;
}

Vit::States Vit::embed(const Pictures& pictures) const {
  Cells cells = patches(pictures.pixels);
  const auto before = prefix.size(0);
  const auto covered = positions.defined() ? positions.size(0) - grid.cells() : 0;  // of the prefix
  States states;
  states.seqs.device = cells.x.device();
  std::vector<Tensor> rows;
  std::int64_t begin = 0;
  for (const Grid& own : cells.grids) {
    Tensor tokens = cells.x.narrow(0, begin, own.cells());
    Tensor first = prefix;
    begin += own.cells();
    if (positions.defined()) {
      const Tensor table = (places ? positions.index_select(0, places(own).to(positions.device()))
                                   : positions_for(positions, grid, own))
                               .to(tokens.scalar_type());
      tokens = tokens + table.narrow(0, covered, own.cells());
      if (covered > 0) first = first + table.narrow(0, 0, covered);
    }
    if (before > 0) rows.push_back(first);
    rows.push_back(tokens);
    states.seqs.starts.push_back(states.seqs.tokens() + before + own.cells());
  }
  states.x = at::concat(rows);
  states.grids = std::move(cells.grids);
  if (norm_before) states.x = (*norm_before)(states.x);
  pictures.note(path, states.x);
  return states;
}

Vit::States Vit::operator()(const Pictures& pictures, std::int64_t first) const {
  States states = embed(pictures);
  Tensor rows;
  if (first > 0) {
    const Tensor starts = states.seqs.first_rows();
    rows = (starts.unsqueeze(1) + at::arange(first, starts.options()).unsqueeze(0)).flatten();
  }
  std::map<std::int64_t, Tensor> after;  // so many blocks
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (std::ranges::count(taps, static_cast<std::int64_t>(i)) > 0)
      after[static_cast<std::int64_t>(i)] = states.x.clone();  // the block may overwrite it
    std::vector<Tensor> biases;
    if (bias)
      for (const Grid& own : states.grids) biases.push_back(bias(static_cast<std::int64_t>(i), own));
    states.x = blocks[i](states.x, states.seqs, biases, i + 1 == blocks.size() ? rows : Tensor());
    pictures.note(blocks[i].path, states.x);
  }
  if (blocks.empty() && rows.defined()) states.x = states.x.index_select(0, rows);
  if (taps.empty()) return states;
  after[static_cast<std::int64_t>(blocks.size())] = states.x;
  std::vector<Tensor> seen;
  for (const auto tap : taps) seen.push_back(after.at(tap));
  states.x = at::concat(seen, 1);
  return states;
}

Tensor mean_after(const Tensor& x, const Sequences& seqs, std::int64_t skip) {
  std::vector<Tensor> means;
  for (std::int64_t b = 0; b < seqs.count(); ++b)
    means.push_back(x.narrow(0, seqs.starts[b] + skip, seqs.length(b) - skip).mean(0, true));
  return at::concat(means);
}

}  // namespace hft
