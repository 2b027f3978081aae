// Reference: timm's models/mobilenetv3.py and _efficientnet_blocks.py.
#include "core/models/vision/timm_mobilenet.h"

#include <algorithm>
#include <cmath>

#include "core/nn/pooling.h"

namespace hft {
namespace {

using Act = TimmMobileNet::Step::Act;

// Blocks of one kind: each channel by itself between two products, the first of which makes a picture
// so much wider; 0: there is no first.
struct TimmStage {
  std::int64_t stage, repeats, kernel, stride;
  double expansion;
  std::int64_t width;
  bool squeezes, relu;
};
constexpr TimmStage kTimmSmall[] = {
    {0, 1, 3, 2, 0, 16, true, true},    {1, 1, 3, 2, 4.5, 24, false, true},
    {1, 1, 3, 1, 3.67, 24, false, true}, {2, 1, 5, 2, 4, 40, true, false},
    {2, 2, 5, 1, 6, 40, true, false},   {3, 2, 5, 1, 3, 48, true, false},
    {4, 3, 5, 2, 6, 96, true, false}};
constexpr TimmStage kTimmLarge[] = {
    {0, 1, 3, 1, 0, 16, false, true},   {1, 1, 3, 2, 4, 24, false, true},
    {1, 1, 3, 1, 3, 24, false, true},   {2, 3, 5, 2, 3, 40, true, true},
    {3, 1, 3, 2, 6, 80, false, false},  {3, 1, 3, 1, 2.5, 80, false, false},
    {3, 2, 3, 1, 2.3, 80, false, false}, {4, 2, 3, 1, 6, 112, true, false},
    {5, 3, 5, 2, 6, 160, true, false}};

// A multiple of eight, at most a tenth less than asked for.
std::int64_t by_eights(double width) {
  constexpr std::int64_t kBy = 8;
  auto made = std::max(kBy, static_cast<std::int64_t>(width + kBy / 2.0) / kBy * kBy);
  if (static_cast<double>(made) < 0.9 * width) made += kBy;
  return made;
}

Cells acted(Cells x, Act act) {
  if (act == Act::kHardSwish) x.x = at::hardswish(x.x);
  return x;
}

// The steps of one net, which have the same norms and padding.
struct TimmMaker {
  const TimmMobileNetName& name;
  TimmMobileNet::Step step(const Weights& conv, const Weights& norm, Conv2d::Shape shape, Act act) const {
    const double eps = name.tensorflow ? 1e-3 : 1e-5;
    TimmMobileNet::Step made{.same = name.tensorflow && shape.stride > 1, .act = act};
    if (!made.same) shape.padding = shape.kernel / 2;
    made.shape = shape;
    made.conv = Conv2d(conv, shape, BatchNorm(norm, shape.out, eps));
    return made;
  }

  TimmMobileNet::Block block(const Weights& w, const TimmStage& s, std::int64_t in, std::int64_t stride) const {
    const bool expands = s.expansion > 0;
    const auto inner = expands ? by_eights(static_cast<double>(in) * s.expansion) : in;
    const auto out = by_eights(static_cast<double>(s.width) * name.width);
    const auto kernel = name.minimal ? 3 : s.kernel;
    const Act act = s.relu || name.minimal ? Act::kRelu : Act::kHardSwish;
    TimmMobileNet::Block made{.residual = stride == 1 && in == out, .path = w.path()};
    if (expands) made.steps.push_back(step(w / "conv_pw", w / "bn1", {in, inner}, act));
    made.steps.push_back(step(w / "conv_dw", w / (expands ? "bn2" : "bn1"),
                              {inner, inner, kernel, stride, 0, 1, inner}, act));
    if (s.squeezes && !name.minimal) {
      const auto few = by_eights(static_cast<double>(inner) * 0.25);
      made.squeeze.emplace(
          Linear(w / "se" / "conv_reduce", {{"", few, {.kernel = {inner, 1, 1}}}}, inner),
          Linear(w / "se" / "conv_expand", {{"", inner, {.kernel = {few, 1, 1}}}}, few));
    }
    made.steps.push_back(step(w / (expands ? "conv_pwl" : "conv_pw"), w / (expands ? "bn3" : "bn2"),
                              {inner, out}, Act::kNone));
    return made;
  }
};

Margins same_margins(const Grid& grid, const Conv2d::Shape& s) {
  const auto along = [&](std::int64_t size) {
    const auto rest = size % s.stride;
    return std::max<std::int64_t>(s.kernel - (rest == 0 ? s.stride : rest), 0);
  };
  const auto high = along(grid.height), wide = along(grid.width);
  return {high / 2, high - high / 2, wide / 2, wide - wide / 2};
}

}  // namespace

std::optional<TimmMobileNetName> timm_mobilenet_name(const std::string& name) {
  std::string_view rest = std::string_view(name).substr(0, name.find('.'));
  TimmMobileNetName found;
  const auto takes = [&](std::string_view part) {
    const bool is = rest.starts_with(part);
    if (is) rest.remove_prefix(part.size());
    return is;
  };
  found.tensorflow = takes("tf_");
  if (!takes("mobilenetv3_")) return std::nullopt;
  found.small = takes("small_");
  if (!found.small && !takes("large_")) return std::nullopt;
  found.minimal = takes("minimal_");
  constexpr std::pair<std::string_view, double> kWidths[] = {
      {"035", 0.35}, {"050", 0.5}, {"075", 0.75}, {"100", 1}, {"150", 1.5}};
  const auto* width = std::ranges::find(kWidths, rest, &std::pair<std::string_view, double>::first);
  if (width == std::end(kWidths)) return std::nullopt;
  found.width = width->second;
  return found;
}

TimmMobileNet::TimmMobileNet(const TimmMobileNetName& name, std::int64_t channels, const Weights& w)
    : act(name.minimal ? Act::kRelu : Act::kHardSwish), size(name.small ? 1024 : 1280) {
  const TimmMaker make{name};
  constexpr std::int64_t kStem = 16;
  constexpr double kFixed = 0.75;  // narrower nets have the whole stem
  std::int64_t in = name.width < kFixed ? kStem : by_eights(kStem * name.width), last = -1, at = 0;
  blocks.push_back({.steps = {make.step(w / "conv_stem", w / "bn1", {channels, in, 3, 2}, act)},
                    .path = (w / "conv_stem").path()});
  const auto stages = name.small ? std::span<const TimmStage>(kTimmSmall) : kTimmLarge;
  for (const TimmStage& stage : stages)
    for (std::int64_t i = 0; i < stage.repeats; ++i) {
      at = stage.stage == last ? at + 1 : 0;
      last = stage.stage;
      blocks.push_back(make.block(w / "blocks" / last / at, stage, in, i == 0 ? stage.stride : 1));
      in = by_eights(static_cast<double>(stage.width) * name.width);
    }
  const auto top = by_eights((name.small ? 576 : 960) * name.width);
  const Weights end = w / "blocks" / (last + 1) / 0;
  blocks.push_back({.steps = {make.step(end / "conv", end / "bn1", {in, top}, act)}, .path = end.path()});
  conv_head = Linear(w / "conv_head", {{"", size, {.kernel = {top, 1, 1}}}}, top);
}

Cells TimmMobileNet::Step::operator()(const Cells& x) const {
  const Cells in = same ? with_margins(x, [&](const Grid& grid) { return same_margins(grid, shape); }) : x;
  return acted(conv(in, act == Act::kRelu ? Activation::kRelu : Activation::kNone), act);
}

Cells TimmMobileNet::Block::operator()(const Cells& x) const {
  Cells y = x;
  for (const Step& step : steps) {
    if (squeeze && &step == &steps.back()) {
      const Tensor shares =
          at::hardsigmoid(squeeze->second(squeeze->first(mean_of_each(y), Activation::kRelu)));  // [B,C]
      std::vector<Tensor> parts;
      std::int64_t begin = 0;
      for (std::int64_t b = 0; b < y.count(); begin += y.grids[b++].cells())
        parts.push_back(y.x.narrow(0, begin, y.grids[b].cells()) * shares[b]);
      y.x = at::concat(parts);
    }
    y = step(y);
  }
  return residual ? y.with(y.x + x.x) : y;
}

Tensor TimmMobileNet::operator()(const Pictures& pictures) const {
  Cells x = cells_of(pictures.pixels);
  for (const Block& block : blocks) {
    x = block(x);
    pictures.note(block.path, x.x);
  }
  const Tensor y = conv_head(mean_of_each(x));
  return act == Act::kRelu ? y.relu() : at::hardswish(y);
}

}  // namespace hft
