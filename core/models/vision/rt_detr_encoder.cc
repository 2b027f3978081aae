#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/models/text_net.h"
#include "core/models/vision/rt_detr.h"
#include "core/nn/pooling.h"

namespace hft {
namespace {

Activation rt_detr_activation(const Fields& config, const char* key, const char* fallback) {
  return activation_named(config.text(key, fallback), config.where());
}

// Sines and cosines of columns and rows. As the reference lays them out, the i-th cell has the
// column i / height and the row i % height, whatever the order of the cells.
Tensor rt_detr_positions(const Grid& grid, const RtDetrShape& s) {  // [cells,C]
  const auto quarter = s.size / 4;
  const Tensor steps = at::arange(quarter, at::kFloat) / static_cast<double>(quarter);
  const Tensor omega = 1 / at::pow(s.temperature, steps);  // [C/4]
  const Tensor cells = at::arange(grid.cells(), at::kLong);
  const auto along = [&](const Tensor& places) { return places.to(at::kFloat).unsqueeze(1) * omega; };
  const Tensor across = along(at::floor_divide(cells, grid.height)),
               down = along(at::remainder(cells, grid.height));
  return at::concat({across.sin(), across.cos(), down.sin(), down.cos()}, 1);
}

}  // namespace

RtDetrShape::RtDetrShape(const Fields& config)
    : levels(std::ssize(integers(config, "encoder_in_channels", {512, 1024, 2048}, 1, limits::kHidden))),
      size(config.integer("encoder_hidden_dim", 4, limits::kHidden, 256)),
      ffn(config.integer("encoder_ffn_dim", 1, limits::kHidden, 1024)),
      heads(config.integer("encoder_attention_heads", 1, limits::kHidden, 8)),
      layers(config.integer("encoder_layers", 0, limits::kLayers, 1)),
      refined(integers(config, "encode_proj_layers", {2}, 0, levels - 1)),
      eps(config.real("layer_norm_eps", 0, 1, 1e-5)),
      batch_eps(config.real("batch_norm_eps", 0, 1, 1e-5)),
      temperature(config.real("positional_encoding_temperature", 1, 1e9, 10000)),
      expansion(config.real("hidden_expansion", 1e-3, 1e3, 1)),
      norm_first(config.boolean("normalize_before", false)),
      encoder_activation(rt_detr_activation(config, "encoder_activation_function", "gelu")),
      activation(rt_detr_activation(config, "activation_function", "silu")) {
  head_size(config, size, heads);
  if (size % 4 != 0)
    fail(Errc::kBadData, config.where(), ": 'encoder_hidden_dim' is ", size,
         ", wanted a multiple of 4");
  if (config.has("eval_size"))
    fail(Errc::kUnsupported, config.where(), ": 'eval_size' is not supported, wanted null");
}

Conv2d rt_detr_conv(const Weights& w, const Conv2d::Shape& shape, double eps) {
  return Conv2d(w / "conv", shape, BatchNorm(w / "norm", shape.out, eps));
}

Cells rt_detr_joined(const Cells& a, const Cells& b) { return a.with(at::concat({a.x, b.x}, 1)); }

CspRepLayer::CspRepLayer(const RtDetrShape& s, const Weights& w) : activation(s.activation) {
  const auto inner = static_cast<std::int64_t>(static_cast<double>(s.size) * s.expansion);
  const auto conv = [&](const Weights& at, const Conv2d::Shape& shape) {
    return rt_detr_conv(at, shape, s.batch_eps);
  };
  conv1 = conv(w / "conv1", {2 * s.size, inner});
  conv2 = conv(w / "conv2", {2 * s.size, inner});
  if (inner != s.size) conv3 = conv(w / "conv3", {inner, s.size});
  constexpr std::int64_t kBlocks = 3;
  for (std::int64_t i = 0; i < kBlocks; ++i)
    bottlenecks.push_back({conv(w / "bottlenecks" / i / "conv1", {inner, inner, 3, 1, 1}),
                           conv(w / "bottlenecks" / i / "conv2", {inner, inner})});
}

Cells CspRepLayer::operator()(const Cells& x) const {
  Cells y = conv1(x, activation);
  for (const Block& block : bottlenecks) y = block.conv1.plus(y, block.conv2(y), activation);
  y = y.with(y.x + conv2(x, activation).x);
  return conv3 ? (*conv3)(y, activation) : y;
}

RtDetrEncoderLayer::RtDetrEncoderLayer(const RtDetrShape& s, const Weights& w)
    : self_attn(w / "self_attn", s.size, s.heads),
      self_attn_norm(w / "self_attn_layer_norm", s.size, s.eps),
      final_norm(w / "final_layer_norm", s.size, s.eps),
      fc1(w / "fc1", {s.ffn, s.size}),
      fc2(w / "fc2", {s.size, s.ffn}),
      activation(s.encoder_activation),
      norm_first(s.norm_first) {}

// What is normalised first is also what the products are added to.
Tensor RtDetrEncoderLayer::operator()(const Tensor& x, const Tensor& positions,
                                      const Sequences& seqs) const {
  const Tensor in = norm_first ? self_attn_norm(x) : x;
  Tensor y = x + self_attn.output(self_attn(in, positions, seqs));
  y = norm_first ? final_norm(y) : self_attn_norm(y);
  y = y + fc2(fc1(y, activation));
  return norm_first ? y : final_norm(y);
}

HybridEncoder::HybridEncoder(const RtDetrShape& s, const Weights& w) : shape(s), path(w.path()) {
  for (std::size_t i = 0; i < s.refined.size(); ++i) {
    auto& layers = encoder.emplace_back();
    for (std::int64_t j = 0; j < s.layers; ++j)
      layers.emplace_back(s, w / "encoder" / static_cast<std::int64_t>(i) / "layers" / j);
  }
  for (std::int64_t i = 0; i + 1 < s.levels; ++i) {
    lateral_convs.push_back(rt_detr_conv(w / "lateral_convs" / i, {s.size, s.size}, s.batch_eps));
    fpn_blocks.emplace_back(s, w / "fpn_blocks" / i);
    downsample_convs.push_back(
        rt_detr_conv(w / "downsample_convs" / i, {s.size, s.size, 3, 2, 1}, s.batch_eps));
    pan_blocks.emplace_back(s, w / "pan_blocks" / i);
  }
}

std::vector<Cells> HybridEncoder::operator()(std::vector<Cells> maps, const Pictures& pictures) const {
  for (std::size_t i = 0; shape.layers > 0 && i < encoder.size(); ++i) {
    Cells& map = maps[shape.refined[i]];
    std::vector<Tensor> tables;
    for (const Grid& grid : map.grids) tables.push_back(rt_detr_positions(grid, shape));
    const Tensor positions = at::concat(tables).to(map.x.device(), map.x.scalar_type());
    for (const auto& layer : encoder[i]) map.x = layer(map.x, positions, map.sequences());
    pictures.note(path + ".encoder." + std::to_string(i), map.x);
  }
  std::vector<Cells> finer{maps.back()};  // the coarsest first
  for (std::size_t i = 0; i < fpn_blocks.size(); ++i) {
    finer.back() = lateral_convs[i](finer.back(), shape.activation);
    const Cells& own = maps[maps.size() - 2 - i];
    finer.push_back(fpn_blocks[i](rt_detr_joined(resized(finer.back(), own.grids, Resize::kNearest), own)));
    pictures.note(path + ".fpn_blocks." + std::to_string(i), finer.back().x);
  }
  std::vector<Cells> levels{finer.back()};  // the finest first
  for (std::size_t i = 0; i < pan_blocks.size(); ++i) {
    const Cells below = downsample_convs[i](levels.back(), shape.activation);
    levels.push_back(pan_blocks[i](rt_detr_joined(below, finer[finer.size() - 2 - i])));
    pictures.note(path + ".pan_blocks." + std::to_string(i), levels.back().x);
  }
  return levels;
}

}  // namespace hft
