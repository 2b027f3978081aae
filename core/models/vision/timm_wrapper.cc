// Checkpoints of timm as its own files have them: ViT (DeiT and DeiT III among it), ResNet and MobileNet V3, told
// by `architecture` in config.json; sizes follow from that name, and `model_args` changes them.
// Reference: timm's models/vision_transformer.py, deit.py and resnet.py, behind timm_wrapper.
#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/models/architecture.h"
#include "core/models/vision/resnet.h"
#include "core/models/vision/timm_mobilenet.h"
#include "core/models/vision/vit.h"

namespace hft {
namespace {

struct VitSize {
  std::string_view name;
  std::int64_t hidden, layers, heads;
  double ffn = 4;  // of hidden
};
constexpr VitSize kVitSizes[] = {
    {"xsmall", 256, 10, 4},       {"tiny", 192, 12, 3},     {"small", 384, 12, 6},
    {"medium", 512, 12, 8},       {"betwixt", 640, 12, 10}, {"base", 768, 12, 12},
    {"large", 1024, 24, 16},      {"huge", 1280, 32, 16},   {"giant", 1408, 40, 16, 48.0 / 11},
    {"gigantic", 1664, 48, 16, 64.0 / 13}, {"so400m", 1152, 27, 16, 3.7362}};

[[noreturn]] void fail_unknown(const Fields& config, const std::string& name) {
  fail_hint(Errc::kUnsupported, "hft models", config.where(), ": architecture '", name,
            "' of timm is not supported, wanted vit_…, deit_…, deit3_…, resnet… or mobilenetv3_…");
}

// "vit_base_patch16_224" -> 768 …; none: not a plain ViT.
const VitSize* vit_size(const std::string& name) {
  for (const std::string_view kind : {"vit_", "deit_", "deit3_"})
    for (const VitSize& size : kVitSizes)
      if (name.starts_with(std::string(kind) + std::string(size.name) + "_") &&
          name.find("_patch") != std::string::npos && name.find("rope") == std::string::npos)
        return &size;
  return nullptr;
}

// What config's pretrained_cfg and the config itself say of the pictures.
struct Input {
  std::int64_t channels = 3;
  Grid size{224, 224};
  Input(const Fields& config, const Fields& args) {
    const Fields pretrained = config.object("pretrained_cfg");
    for (const Fields& fields : {pretrained, config})
      if (const auto all = integers(fields, "input_size", {}, 1, limits::kHidden); all.size() == 3) {
        channels = all[0];
        size = {all[1], all[2]};
      }
    if (args.has("img_size")) size = grid_field(args, "img_size", 224);
    channels = args.integer("in_chans", 1, 1024, channels);
  }
};

std::string pooling_of(const Fields& config, const Fields& args, const std::string& fallback) {
  return args.text("global_pool", config.text("global_pool", fallback));
}

struct TimmVit {
  BlockShape block;
  BlockNames names;
  std::int64_t layers;
  Grid patch, grid;
  Input input;
  TimmVit(const Fields& config, const Fields& args, const std::string& name, const VitSize& size,
          const Weights& w)
      : input(config, args) {
    const auto number = name.find("_patch") + 6;
    patch = grid_field(args, "patch_size", std::atoi(name.c_str() + number));
    grid = {input.size.height / patch.height, input.size.width / patch.width};
    block.hidden = args.integer("embed_dim", 1, limits::kHidden, size.hidden);
    block.heads = args.integer("num_heads", 1, limits::kHidden, size.heads);
    layers = args.integer("depth", 0, limits::kLayers, size.layers);
    const auto stored = w.shape("blocks.0.mlp.fc1.weight");
    block.ffn = stored.size() == 2 ? stored[0]
                                   : static_cast<std::int64_t>(static_cast<double>(block.hidden) *
                                                               args.real("mlp_ratio", 0.01, 1024, size.ffn));
    const bool pre_norm = w.has("norm_pre.weight");
    block.activation = name.find("quickgelu") != std::string::npos ? Activation::kGeluQuick
                                                                   : Activation::kGelu;
    block.eps = name.find("_clip_") != std::string::npos || pre_norm ? 1e-5 : 1e-6;
    block.qkv_bias = stored.empty() || w.has("blocks.0.attn.qkv.bias");
    names = {.norm1 = "norm1", .norm2 = "norm2", .qkv = "attn.qkv", .attention_output = "attn.proj",
             .fc1 = "mlp.fc1", .fc2 = "mlp.fc2"};
    if (w.has("blocks.0.ls1.gamma")) {
      names.scale1 = "ls1.gamma";
      names.scale2 = "ls2.gamma";
    }
    head_size(config, block.hidden, block.heads);
    for (const char* other : {"blocks.0.attn.q_norm.weight", "blocks.0.attn.norm.weight",
                              "blocks.0.mlp.norm.weight", "attn_pool.latent", "patch_embed.norm.weight"})
      if (w.has(other)) fail_unknown(config, name + "' with '" + other);
  }
};

Vit timm_wrapper_vit_of(const TimmVit& c, const Weights& w) {
  std::vector<Tensor> tokens;
  const auto add = [&](const char* name, std::int64_t count) {
    if (Tensor token = w.small(name, {1, count, c.block.hidden}); token.defined())
      tokens.push_back(token[0]);
    return count;
  };
  std::int64_t before = 0;
  if (w.has("cls_token") || w.shape("pos_embed").empty()) before += add("cls_token", 1);
  if (w.has("dist_token")) before += add("dist_token", 1);
  if (const auto shape = w.shape("reg_token"); shape.size() == 3) before += add("reg_token", shape[1]);
  Vit vit{.patches = {w / "patch_embed" / "proj", c.input.channels, c.patch, c.block.hidden,
                      !w.has("norm_pre.weight")},
          .prefix = tokens.empty() ? at::zeros({0, c.block.hidden}, w.store().dtype())
                                   : at::concat(tokens),
          .grid = c.grid,
          .path = "patch_embed"};
  const auto stored = w.shape("pos_embed");
  const bool patches_alone = stored.size() == 3 && stored[1] == c.grid.cells();
  vit.positions =
      w.get("pos_embed", {1, (patches_alone ? 0 : before) + c.grid.cells(), c.block.hidden});
  if (vit.positions.defined()) vit.positions = vit.positions[0];
  if (w.has("norm_pre.weight"))
    vit.norm_before = LayerNorm(w / "norm_pre", c.block.hidden, c.block.eps);
  for (std::int64_t i = 0; i < c.layers; ++i)
    vit.blocks.emplace_back(c.block, c.names, w / "blocks" / i);
  return vit;
}

ImageNet timm_wrapper_build_vit(const Fields& config, const Fields& args, const std::string& name,
                                const Weights& w) {
  const TimmVit c(config, args, name, *vit_size(name), w);
  const bool gap = name.find("_gap_") != std::string::npos;
  const std::string pooling = pooling_of(config, args, gap ? "avg" : "token");
  if (pooling != "token" && pooling != "avg")
    fail(Errc::kUnsupported, config.where(), ": global_pool '", pooling,
         "' is not supported, wanted token or avg");
  const bool mean = pooling == "avg", late = w.has("fc_norm.weight"), taught = w.has("head_dist.weight");
  const Vit vit = timm_wrapper_vit_of(c, w);
  const auto before = vit.prefix.size(0);
  const LayerNorm norm(w / (late ? "fc_norm" : "norm"), c.block.hidden, c.block.eps);
  const auto linear = [&](const char* at) { return Linear(w / at, {label_count(config), c.block.hidden}); };
  const Linear head = linear("head"), distilled = taught ? linear("head_dist") : Linear();
  ImageNet net{.channels = c.input.channels, .pixels = kPassTokens * c.patch.cells()};
  net.see = [=](const Pictures& pictures) {
    if (taught) {
      const Tensor both = norm(vit(pictures, 2).x).view({-1, 2, c.block.hidden});
      return each_row((head(both.select(1, 0).contiguous()) + distilled(both.select(1, 1).contiguous())) / 2);
    }
    const auto states = vit(pictures, mean ? 0 : 1);
    if (!mean) return each_row(head(norm(states.x)));
    const Tensor x = late ? states.x : norm(states.x);
    const Tensor pooled = mean_after(x, states.seqs, before);
    return each_row(head(late ? norm(pooled) : pooled));
  };
  return net;
}

ImageNet build_resnet(const Fields& config, const Fields& args, const std::string& name,
                      ResNetShape r, const Weights& w) {
  r.channels = Input(config, args).channels;
  if (w.has("layer1.0.se.fc1.weight") ||
      w.has("layer1.0.se.conv.weight") || w.has("layer1.0.aa.filt"))
    fail_unknown(config, name);
  if (const auto pooling = pooling_of(config, args, "avg"); pooling != "avg")
    fail(Errc::kUnsupported, config.where(), ": global_pool '", pooling,
         "' is not supported, wanted avg");
  ImageNet net{.channels = r.channels, .pixels = kPassPixels};
  net.see = [resnet = timm_resnet(r, w), fc = Linear(w / "fc", {label_count(config), r.widths.back()})](
                const Pictures& pictures) {
    return each_row(fc(mean_of_each(resnet(pictures).back())));
  };
  return net;
}

ImageNet timm_wrapper_build_mobilenet(const Fields& config, const Fields& args,
                                      const TimmMobileNetName& name, const Weights& w) {
  if (const auto pooling = pooling_of(config, args, "avg"); pooling != "avg")
    fail(Errc::kUnsupported, config.where(), ": global_pool '", pooling,
         "' is not supported, wanted avg");
  const auto channels = Input(config, args).channels;
  const TimmMobileNet mobilenet(name, channels, w);
  ImageNet net{.channels = channels, .pixels = kPassPixels};
  net.see = [mobilenet, classifier = Linear(w / "classifier", {label_count(config), mobilenet.size})](
                const Pictures& pictures) { return each_row(classifier(mobilenet(pictures))); };
  return net;
}

ImageNet build_timm_wrapper(const Fields& config, const Weights& w, ImageHead) {
  const std::string name = config.text("architecture", "resnet50");
  const Fields args = config.object("model_args");
  const Weights at = w / "timm_model";
  if (vit_size(name)) return timm_wrapper_build_vit(config, args, name, at);
  if (const auto resnet = timm_resnet_shape(name, args)) return build_resnet(config, args, name, *resnet, at);
  if (const auto mobilenet = timm_mobilenet_name(name))
    return timm_wrapper_build_mobilenet(config, args, *mobilenet, at);
  fail_unknown(config, name);
}

constexpr ImageHead kTimmWrapperHeads[] = {ImageHead::kClassify};

}  // namespace

extern const Architecture timm_wrapper{
    .types = {"timm_wrapper"},
    .base = "timm_model",
    .image = build_timm_wrapper,
    .image_heads = kTimmWrapperHeads,
};

}  // namespace hft
