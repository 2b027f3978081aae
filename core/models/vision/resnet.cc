// Checked against the configs of microsoft/resnet-18, resnet-50 and timm's resnet50.a1_in1k, resnet50d.
#include "core/models/vision/resnet.h"

#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/models/architecture.h"
#include "core/nn/pooling.h"

namespace hft {
namespace {

// Where a convolution and the norm after it are.
struct UnitPlace {
  Weights conv, norm;
};
using UnitPlaceOf = std::function<UnitPlace(const Weights& block, std::size_t i)>;

Conv2d convolution(const ResNetShape& r, const UnitPlace& at, Conv2d::Shape shape) {
  shape.padding = shape.kernel / 2 * shape.dilation;
  return Conv2d(at.conv, shape, BatchNorm(at.norm, shape.out, r.eps));
}

// How a stage's first block differs from the others.
struct Step {
  std::int64_t in, out, stride, dilation;
  bool first = false;  // of its stage
};

std::vector<Conv2d> convs_of(const ResNetShape& r, const Weights& w, const Step& s,
                             const UnitPlaceOf& place) {
  const auto conv = [&](std::size_t i, const Conv2d::Shape& shape) {
    return convolution(r, place(w, i), shape);
  };
  if (!r.bottleneck)
    return {conv(0, {s.in, s.out, 3, s.stride}), conv(1, {s.out, s.out, 3, 1, 0, s.dilation})};
  const auto inner = static_cast<std::int64_t>(static_cast<double>(s.out) * r.inner);
  const bool early = r.downsample_in_bottleneck;
  return {conv(0, {s.in, inner, 1, early ? s.stride : 1}),
          conv(1, {inner, inner, 3, early ? 1 : s.stride, 0, s.dilation, r.groups}),
          conv(2, {inner, s.out})};
}

ResNet::Block resnet_block_of(const ResNetShape& r, const Weights& w, const Step& s,
                              const UnitPlaceOf& place, const UnitPlaceOf& shortcut) {
  ResNet::Block block{.convs = convs_of(r, w, s, place), .path = w.path()};
  const bool same = s.in == s.out && s.stride == 1;
  if (same && !(r.halves_by_averages && !r.bottleneck && s.first)) return block;
  const bool averages =
      r.halves_by_averages ? (r.bottleneck ? s.stride == 2 : s.in != s.out) : r.average_down;
  if (averages) block.average = r.halves_by_averages ? 2 : s.stride;
  block.shortcut = convolution(r, shortcut(w, averages ? 1 : 0),
                               {s.in, s.out, 1, averages ? 1 : s.stride});
  return block;
}

std::vector<std::vector<ResNet::Block>> stages_of(
    const ResNetShape& r, const std::function<Weights(std::size_t stage, std::int64_t block)>& at,
    const UnitPlaceOf& place, const UnitPlaceOf& shortcut) {
  std::vector<std::vector<ResNet::Block>> stages;
  std::int64_t in = r.stem;
  for (std::size_t i = 0; i < r.widths.size(); ++i) {
    const bool halves = i > 0 || r.downsample_first;
    const bool dilates = r.dilate_last && i + 1 == r.widths.size();
    auto& stage = stages.emplace_back();
    for (std::int64_t b = 0; b < r.depths[i]; ++b) {
      const std::int64_t stride = b == 0 && halves && !dilates ? 2 : 1;
      // timm's first dilated block still sees as near as before.
      const std::int64_t dilation = dilates && b > 0 ? 2 : 1;
      stage.push_back(resnet_block_of(
          r, at(i, b), {b == 0 ? in : r.widths[i], r.widths[i], stride, dilation, b == 0}, place, shortcut));
    }
    in = r.widths[i];
  }
  return stages;
}

}  // namespace

Cells ResNet::Block::operator()(const Cells& x, Activation activation) const {
  Cells y = x;
  // Inside it is relu, whatever config.json says of the sums.
  for (std::size_t i = 0; i + 1 < convs.size(); ++i) y = convs[i](y, Activation::kRelu);
  if (!shortcut) return convs.back().plus(y, x, activation);
  const Cells residual = (*shortcut)(average > 1 ? average_pool(x, 2, average) : x);
  return convs.back().plus(y, residual, activation);
}

std::vector<Cells> ResNet::operator()(const Pictures& pictures) const {
  Cells x = cells_of(pictures.pixels);
  for (const Conv2d& conv : stem) x = conv(x, activation);
  x = max_pool(x, 3, 2, 1);
  pictures.note(path, x.x);
  std::vector<Cells> maps;
  for (const auto& stage : stages) {
    for (const Block& block : stage) {
      x = block(x, activation);
      pictures.note(block.path, x.x);
    }
    maps.push_back(x);
  }
  return maps;
}

namespace {

UnitPlace hf_pair(const Weights& at) { return {at / "convolution", at / "normalization"}; }

std::vector<std::vector<ResNet::Block>> hf_stages(const ResNetShape& r, const Weights& w) {
  return stages_of(
      r,
      [&](std::size_t stage, std::int64_t block) {
        return w / "encoder" / "stages" / static_cast<std::int64_t>(stage) / "layers" / block;
      },
      [&](const Weights& block, std::size_t i) {
        return hf_pair(block / "layer" / static_cast<std::int64_t>(i));
      },
      [&](const Weights& block, std::size_t i) {
        return hf_pair(i == 0 ? block / "shortcut" : block / "shortcut" / static_cast<std::int64_t>(i));
      });
}

}  // namespace

ResNet hf_resnet(const ResNetShape& r, const Weights& w) {
  ResNet net{.activation = r.activation, .path = (w / "embedder").path()};
  net.stem = {convolution(r, hf_pair(w / "embedder" / "embedder"), {r.channels, r.stem, 7, 2})};
  net.stages = hf_stages(r, w);
  return net;
}

ResNet rt_detr_resnet(ResNetShape r, const Weights& w) {
  r.halves_by_averages = true;
  ResNet net{.activation = r.activation, .path = (w / "embedder").path()};
  const Weights stem = w / "embedder" / "embedder";
  const auto half = r.stem / 2;
  net.stem = {convolution(r, hf_pair(stem / 0), {r.channels, half, 3, 2}),
              convolution(r, hf_pair(stem / 1), {half, half, 3}),
              convolution(r, hf_pair(stem / 2), {half, r.stem, 3})};
  net.stages = hf_stages(r, w);
  return net;
}

ResNet timm_resnet(const ResNetShape& r, const Weights& w) {
  ResNet net{.activation = r.activation, .path = (w / "conv1").path()};
  std::int64_t in = r.channels;
  for (std::size_t i = 0; i < r.deep_stem.size(); ++i) {
    const auto at = static_cast<std::int64_t>(3 * i);
    net.stem.push_back(convolution(r, {w / "conv1" / at, w / "conv1" / (at + 1)},
                                   {in, r.deep_stem[i], 3, i == 0 ? 2 : 1}));
    in = r.deep_stem[i];
  }
  const bool deep = !r.deep_stem.empty();
  net.stem.push_back(convolution(r, {deep ? w / "conv1" / 6 : w / "conv1", w / "bn1"},
                                 {in, r.stem, deep ? 3 : 7, deep ? 1 : 2}));
  net.stages = stages_of(
      r,
      [&](std::size_t stage, std::int64_t block) {
        return w / ("layer" + std::to_string(stage + 1)) / block;
      },
      [](const Weights& block, std::size_t i) {
        const auto number = std::to_string(i + 1);
        return UnitPlace{block / ("conv" + number), block / ("bn" + number)};
      },
      [](const Weights& block, std::size_t i) {
        const auto at = static_cast<std::int64_t>(i);
        return UnitPlace{block / "downsample" / at, block / "downsample" / (at + 1)};
      });
  return net;
}

ResNetShape resnet_shape(const Fields& config) {
  ResNetShape r;
  r.widths = integers(config, "hidden_sizes", r.widths, 1, limits::kHidden);
  r.depths = integers(config, "depths", r.depths, 1, limits::kLayers);
  if (r.widths.empty() || r.widths.size() != r.depths.size())
    fail(Errc::kBadData, config.where(), ": 'depths' has ", r.depths.size(),
         " stages and 'hidden_sizes' ", r.widths.size(), ", wanted as many of both");
  r.channels = config.integer("num_channels", 1, 1024, 3);
  r.stem = config.integer("embedding_size", 1, limits::kHidden, 64);
  const std::string kind = config.text("layer_type", "bottleneck");
  if (kind != "bottleneck" && kind != "basic")
    fail(Errc::kBadData, config.where(), ": 'layer_type' is '", kind,
         "', wanted bottleneck or basic");
  r.bottleneck = kind == "bottleneck";
  r.activation = activation_named(config.text("hidden_act", "relu"), config.where());
  r.downsample_first = config.boolean("downsample_in_first_stage", false);
  r.downsample_in_bottleneck = config.boolean("downsample_in_bottleneck", false);
  return r;
}

std::vector<std::int64_t> seen_stages(const Fields& own, std::int64_t stages) {
  std::vector<std::int64_t> wanted;
  if (own.json().empty()) return {1, 2, 3};
  const Json* names = own.find("out_features");
  if (names && names->is_array() && !names->empty()) {
    for (const Json& name : *names)
      for (std::int64_t i = 0; i < stages; ++i)
        if (name == "stage" + std::to_string(i + 1)) wanted.push_back(i);
    if (wanted.size() != names->size())
      fail(Errc::kUnsupported, own.where(), ": 'out_features' is ", names->dump(), ", wanted stage1 to stage",
           stages);
    return wanted;
  }
  for (const auto index : integers(own, "out_indices", {stages}, -stages, stages)) {
    const auto stage = index < 0 ? stages + index : index - 1;
    if (stage < 0)
      fail(Errc::kUnsupported, own.where(), ": 'out_indices' holds 0, the stem, wanted stages");
    wanted.push_back(stage);
  }
  return wanted;
}

namespace {

ImageNet build_resnet(const Fields& config, const Weights& w, ImageHead) {
  const ResNetShape r = resnet_shape(config);
  ImageNet net{.channels = r.channels, .pixels = kPassPixels};
  net.see = [resnet = hf_resnet(r, w / "resnet"),
             classifier = Linear(w / "classifier" / 1, {label_count(config), r.widths.back()})](
                const Pictures& pictures) {
    return each_row(classifier(mean_of_each(resnet(pictures).back())));
  };
  return net;
}

constexpr ImageHead kResnetHeads[] = {ImageHead::kClassify};

}  // namespace

extern const Architecture resnet{
    .types = {"resnet"},
    .base = "resnet",
    .image = build_resnet,
    .image_heads = kResnetHeads,
};

}  // namespace hft
