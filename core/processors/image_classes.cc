#include "core/processors/image_classes.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/base/text.h"

namespace hft {
namespace {

constexpr std::array<double, 3> kHalf{0.5, 0.5, 0.5};
constexpr std::array<double, 3> kImageNet{0.485, 0.456, 0.406}, kImageNetStd{0.229, 0.224, 0.225};
constexpr std::array<double, 3> kClip{0.48145466, 0.4578275, 0.40821073},
    kClipStd{0.26862954, 0.26130258, 0.27577711};
constexpr double kShare = 224.0 / 256.0;

constexpr ImageClass in_detr(std::string_view name) {
  return {.name = name,
          .shortest = 800,
          .longest = 1333,
          .mean = kImageNet,
          .std = kImageNetStd,
          .square_number = false};
}

// Of all queries and labels the best hundred.
constexpr ImageClass in_sigmoid_detr(std::string_view name) {
  ImageClass row = in_detr(name);
  row.best_boxes = 100;
  return row;
}

constexpr ImageClass in_yolos() {
  ImageClass row = in_detr("Yolos");
  row.floor_divisor = 16;
  return row;
}

constexpr ImageClass in_mask_former(std::string_view name, Generation since) {
  ImageClass row = in_detr(name);
  row.divisor = 32;
  row.both_edges = since == Generation::kPillow ? Sizing::kShortestWithin : Sizing::kWithinLongest;
  row.since = since;
  return row;
}

constexpr ImageClass in_clip(std::string_view name) {
  return {.name = name,
          .shortest = 224,
          .filter = Filter::kBicubic,
          .mean = kClip,
          .std = kClipStd,
          .cropping = CropUse::kOn,
          .crop = 224,
          .square_number = false};
}

constexpr ImageClass in_llava() {
  ImageClass row = in_clip("Llava");
  row.may_square = true;
  return row;
}

constexpr ImageClass in_idefics3(std::string_view name) {
  return {.name = name,
          .shortest = 4 * 364,
          .longest = 4 * 364,
          .filter = Filter::kLanczos,
          .mean = kHalf,
          .std = kHalf,
          .both_edges = Sizing::kLongestEven,
          .square_number = false,
          .always_slow = true};
}

constexpr ImageClass in_beit(int square, CropUse cropping, Generation since) {
  return {.name = "Beit",
          .square = square,
          .filter = Filter::kBicubic,
          .mean = kHalf,
          .std = kHalf,
          .cropping = cropping,
          .crop = 224,
          .since = since};
}

constexpr ImageClass in_convnext(Filter filter, Generation since) {
  return {.name = "ConvNext",
          .shortest = 384,
          .filter = filter,
          .mean = kHalf,
          .std = kHalf,
          .one_edge = Sizing::kCropShare,
          .crop_share = kShare,
          .square_number = false,
          .since = since};
}

constexpr ImageClass in_mobilenet(std::string_view name) {
  return {.name = name,
          .shortest = 256,
          .mean = kHalf,
          .std = kHalf,
          .cropping = CropUse::kOn,
          .crop = 224,
          .square_number = false};
}

constexpr ImageClass in_mobilevit(Filter filter, Generation since) {
  return {.name = "MobileViT",
          .shortest = 224,
          .filter = filter,
          .mean = kHalf,
          .std = kHalf,
          .normalises = false,
          .cropping = CropUse::kOn,
          .crop = 256,
          .square_number = false,
          .blue_first = true,
          .since = since};
}

constexpr ImageClass in_efficientnet(Filter filter, Generation since) {
  return {.name = "EfficientNet",
          .square = 346,
          .filter = filter,
          .mean = kHalf,
          .std = kHalf,
          .cropping = CropUse::kOff,
          .crop = 289,
          .second_std = true,
          .since = since};
}

constexpr ImageClass in_pvt(Filter filter, Generation since) {
  return {.name = "Pvt",
          .square = 224,
          .filter = filter,
          .mean = kImageNet,
          .std = kImageNetStd,
          .since = since};
}

constexpr ImageClass kImageClasses[] = {
    {.name = "ViT", .square = 224, .mean = kHalf, .std = kHalf},
    {.name = "DeiT",
     .square = 256,
     .filter = Filter::kBicubic,
     .mean = kHalf,
     .std = kHalf,
     .cropping = CropUse::kOn,
     .crop = 224},
    in_beit(256, CropUse::kOn, Generation::kPillow),
    in_beit(224, CropUse::kOff, Generation::kFast),
    in_clip("Bit"),
    in_clip("CLIP"),
    in_clip("ChineseCLIP"),
    in_clip("ViTHybrid"),
    in_llava(),
    {.name = "LlavaOnevision",
     .square = 384,
     .filter = Filter::kBicubic,
     .mean = kClip,
     .std = kClipStd,
     .square_number = false},
    in_idefics3("Idefics3"),
    in_idefics3("SmolVLM"),
    {.name = "Qwen2VL",
     .shortest = 56 * 56,
     .longest = 28 * 28 * 1280,
     .filter = Filter::kBicubic,
     .mean = kClip,
     .std = kClipStd,
     .both_edges = Sizing::kAreas,
     .square_number = false,
     .always_fast = true},
    in_convnext(Filter::kBilinear, Generation::kPillow),
    in_convnext(Filter::kBicubic, Generation::kVersion5),
    {.name = "Siglip", .square = 224, .filter = Filter::kBicubic, .mean = kHalf, .std = kHalf},
    {.name = "Blip", .square = 384, .filter = Filter::kBicubic, .mean = kClip, .std = kClipStd},
    {.name = "Segformer", .square = 512, .mean = kImageNet, .std = kImageNetStd},
    in_mobilenet("MobileNetV1"),
    in_mobilenet("MobileNetV2"),
    in_mobilevit(Filter::kBilinear, Generation::kPillow),
    in_mobilevit(Filter::kBicubic, Generation::kVersion5),
    in_efficientnet(Filter::kNearest, Generation::kPillow),
    in_efficientnet(Filter::kBicubic, Generation::kVersion5),
    {.name = "EfficientFormer",
     .square = 224,
     .filter = Filter::kBicubic,
     .mean = kImageNet,
     .std = kImageNetStd,
     .cropping = CropUse::kOn,
     .crop = 224},
    {.name = "Levit",
     .shortest = 224,
     .filter = Filter::kBicubic,
     .mean = kImageNet,
     .std = kImageNetStd,
     .cropping = CropUse::kOn,
     .crop = 224,
     .edge_times = 256,
     .edge_over = 224,
     .square_number = false},
    in_pvt(Filter::kBilinear, Generation::kPillow),
    in_pvt(Filter::kBicubic, Generation::kVersion5),
    in_detr("Detr"),
    in_sigmoid_detr("ConditionalDetr"),
    in_sigmoid_detr("DeformableDetr"),
    in_sigmoid_detr("Deta"),
    in_detr("GroundingDino"),
    in_yolos(),
    {.name = "RTDetr",
     .square = 640,
     .mean = kImageNet,
     .std = kImageNetStd,
     .normalises = false,
     .square_number = false,
     .best_boxes = -1},
    in_mask_former("MaskFormer", Generation::kPillow),
    in_mask_former("MaskFormer", Generation::kFast),
    in_mask_former("Mask2Former", Generation::kPillow),
    in_mask_former("Mask2Former", Generation::kFast),
    {.name = "Vilt",
     .shortest = 384,
     .filter = Filter::kBicubic,
     .mean = kHalf,
     .std = kHalf,
     .both_edges = Sizing::kShortestRounded,
     .one_edge = Sizing::kShortestRounded,
     .square_number = false,
     .floor_divisor = 32},
    {.name = "LayoutLMv3", .square = 224, .mean = kHalf, .std = kHalf},
    {.name = "Donut", .mean = kHalf, .std = kHalf, .page = true},
    {.name = "OwlViT",
     .square = 768,
     .filter = Filter::kBicubic,
     .mean = kClip,
     .std = kClipStd,
     .cropping = CropUse::kOff,
     .crop = 768},
};

// model_type -> class, of the models whose checkpoints may leave it out.
constexpr std::pair<std::string_view, std::string_view> kModels[] = {
    {"vit", "ViT"},
    {"deit", "DeiT"},
    {"beit", "Beit"},
    {"data2vec-vision", "Beit"},
    {"dinov2", "Bit"},
    {"dinov2_with_registers", "Bit"},
    {"bit", "Bit"},
    {"focalnet", "Bit"},
    {"hiera", "Bit"},
    {"clip", "CLIP"},
    {"metaclip_2", "CLIP"},
    {"chinese_clip", "ChineseCLIP"},
    {"siglip", "Siglip"},
    {"resnet", "ConvNext"},
    {"convnext", "ConvNext"},
    {"convnextv2", "ConvNext"},
    {"regnet", "ConvNext"},
    {"van", "ConvNext"},
    {"cvt", "ConvNext"},
    {"swin", "ViT"},
    {"swinv2", "ViT"},
    {"vit_msn", "ViT"},
    {"vit_mae", "ViT"},
    {"ijepa", "ViT"},
    {"segformer", "Segformer"},
    {"upernet", "Segformer"},
    {"mobilenet_v1", "MobileNetV1"},
    {"mobilenet_v2", "MobileNetV2"},
    {"mobilevit", "MobileViT"},
    {"mobilevitv2", "MobileViT"},
    {"efficientnet", "EfficientNet"},
    {"levit", "Levit"},
    {"pvt", "Pvt"},
    {"pvt_v2", "Pvt"},
    {"blip", "Blip"},
    {"llava", "Llava"},
    {"llava_onevision", "LlavaOnevision"},
    {"idefics3", "Idefics3"},
    {"smolvlm", "SmolVLM"},
    {"qwen2_vl", "Qwen2VL"},
    {"qwen2_5_vl", "Qwen2VL"},
    {"qwen3_vl", "Qwen2VL"},
    {"detr", "Detr"},
    {"table-transformer", "Detr"},
    {"conditional_detr", "ConditionalDetr"},
    {"deformable_detr", "DeformableDetr"},
    {"rt_detr", "RTDetr"},
    {"rt_detr_v2", "RTDetr"},
    {"yolos", "Yolos"},
    {"maskformer", "MaskFormer"},
    {"mask2former", "Mask2Former"},
    {"owlvit", "OwlViT"},
    {"vilt", "Vilt"},
    {"layoutlmv3", "LayoutLMv3"},
    {"donut-swin", "Donut"},
};

}  // namespace

const ImageClass& image_class(std::string_view name, Generation generation) {
  const ImageClass* found = nullptr;
  for (const ImageClass& row : kImageClasses)
    if (row.name == name && row.since <= generation) found = &row;
  if (found) return *found;
  std::vector<std::string> names;
  for (const ImageClass& row : kImageClasses)
    if (names.empty() || names.back() != row.name) names.emplace_back(row.name);
  fail(Errc::kUnsupported, "the image processor '", name,
       "ImageProcessor' is not supported, wanted ", joined(names, ", "));
}

std::string_view image_class_of_model(std::string_view model_type) {
  const auto* row =
      std::ranges::find(kModels, model_type, [](const auto& row) { return row.first; });
  return row == std::end(kModels) ? std::string_view() : row->second;
}

}  // namespace hft
