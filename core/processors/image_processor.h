// Pictures to the tensors a model takes, as the image processors of transformers make them:
// resized, cropped, rescaled, normalised, padded. No LibTorch.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "core/processors/resample.h"
#include "media/image.h"

namespace hft {

struct Pixels {
  int channels = 3, height = 0, width = 0;
  // The picture itself; to its right and below it is padding (pixel_mask 0).
  int valid_height = 0, valid_width = 0;
  std::vector<float> data;  // [C,H,W], or of every tile [T,C,H,W]
  int tiles = 1;
  int whole_height = 0, whole_width = 0;  // of the picture that was given
};

struct Extent {
  int height = 0, width = 0;
  bool operator==(const Extent&) const = default;
};

// How the size of the result follows from that of the picture.
enum class Sizing : std::uint8_t {
  kExact,            // height, width
  kShortest,         // shortest_edge, the other by truncation
  kWithinLongest,    // shortest_edge, unless the other passes longest_edge: DETR's rounding
  kShortestWithin,   // the same, both by truncation: MaskFormer's
  kShortestRounded,  // the same, both rounded; the longest is 1333/800 of the shortest: ViLT's
  kWithin,           // max_height, max_width
  kAreas,            // multiples of a divisor, in all so many pixels: Qwen2-VL's
  kLongestEven,      // longest_edge, the other by truncation and even: Idefics3's
  kCropShare,        // shortest_edge / crop_pct, then that edge cut out; from 384 on a plain warp
};

// Whose arithmetic makes numbers of the bytes: rescale in float64 and normalise (the classes on
// Pillow), both at once ("Fast", on torchvision), or a division by 255 (timm).
enum class Scaling : std::uint8_t { kInTurn, kAtOnce, kTensor };

// Where a crop lies, and a picture smaller than it: rounded down, or to even as torchvision does.
enum class Centring : std::uint8_t { kSlow, kFast, kEven };

// What a processor does, its class's defaults under what the file says.
struct ImageSettings {
  Arithmetic arithmetic = Arithmetic::kPillow;
  Scaling scaling = Scaling::kInTurn;
  Centring centring = Centring::kSlow;
  bool resizes = true, crops = false, rescales = true, normalises = true;
  Sizing sizing = Sizing::kExact;
  Extent size, crop;
  int shortest_edge = 0, longest_edge = 0;
  double crop_share = 1.0;
  Filter filter = Filter::kBilinear;
  double scale = 1.0 / 255.0, offset = 0.0;
  std::array<double, 3> mean{}, std{1, 1, 1};
  bool second_std = false;  // EfficientNet's include_top divides once more
  bool blue_first = false;  // MobileViT, LayoutLMv2
  bool squares = false;     // a frame of the mean colour makes the picture a square first
  int divisor = 1;          // sizes are rounded up to its multiples
  int floor_divisor = 1;    // YOLOS, ViLT: those that follow from edges are rounded down
  bool aligns = false;      // Donut: turned first, where its long axis is not that of `size`
  bool shrinks = false;     // Donut: then made smaller, to lie within `size`
  std::optional<Extent> pad_size;
  // Of detectors whose labels are scored each by itself: so many boxes are the best, -1: as many as
  // there are queries; 0: a label for each query, or none.
  int best_boxes = 0;
};

// Lays a picture onto a larger one.
void paste(const media::Image& image, int left, int top, media::Image& onto);

class ImageProcessor {
 public:
  // Reads preprocessor_config.json, processor_config.json ("image_processor"), or timm's
  // "pretrained_cfg" in config.json. kNotFound when the folder has none of them, kUnsupported for a
  // class that is not known, kBadData for values out of range.
  static ImageProcessor from_folder(const std::filesystem::path& folder);

  explicit ImageProcessor(ImageSettings settings) : settings_(std::move(settings)) {}
  const ImageSettings& settings() const { return settings_; }

  // Throws kBadData when the result would be over limits::kImagePixels. From any thread.
  Pixels operator()(const media::Image& image) const;
  // The size a picture of that size is resized to, before cropping and padding.
  Extent resized_extent(Extent image) const;

 private:
  ImageSettings settings_;
};

}  // namespace hft
