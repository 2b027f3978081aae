// preprocessor_config.json, processor_config.json and timm's pretrained_cfg, in every spelling that
// releases of transformers have written, to what an ImageProcessor does.
#include <algorithm>
#include <cmath>

#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/checkpoint/config.h"
#include "core/checkpoint/sentence_folder.h"
#include "core/processors/image_classes.h"
#include "core/processors/processor_files.h"

namespace hft {
namespace {

constexpr std::int64_t kEdge = limits::kImagePixels;
constexpr std::string_view kSuffix = "ImageProcessor";

int edge_of(const Fields& fields, std::string_view key) {
  return static_cast<int>(fields.integer(key, 1, kEdge));
}

// {"height", "width"}, one number, or [height, width].
Extent extent_of(const Fields& fields, std::string_view key) {
  const Json* value = fields.find(key);
  if (value && value->is_object()) {
    const Fields size = fields.object(key);
    return {edge_of(size, "height"), edge_of(size, "width")};
  }
  if (value && value->is_array() && value->size() == 2) {
    const Fields pair({{"height", (*value)[0]}, {"width", (*value)[1]}},
                      fields.where() + ": '" + std::string(key) + "'");
    return {edge_of(pair, "height"), edge_of(pair, "width")};
  }
  return {edge_of(fields, key), edge_of(fields, key)};
}

void set_edges(const ImageClass& row, ImageSettings& s, int shortest, int longest) {
  s.shortest_edge =
      static_cast<int>(static_cast<std::int64_t>(shortest) * row.edge_times / row.edge_over);
  s.longest_edge = longest;
  s.sizing = longest > 0 ? row.both_edges : row.one_edge;
}

// Longest edges that older files left out, or had as "max_size" beside a number.
constexpr int kOldLongest = 1333;

// The edge that is made as long as the shorter one of the size. A list is [width, height].
void read_page(const Fields& fields, ImageSettings& s) {
  constexpr Extent kPage{2560, 1920};
  s.size = fields.has("size") ? extent_of(fields, "size") : kPage;
  if (const Json* value = fields.find("size"); value && value->is_array())
    std::swap(s.size.height, s.size.width);
  s.sizing = Sizing::kShortest;
  s.shortest_edge = std::min(s.size.height, s.size.width);
  s.aligns = fields.boolean("do_align_long_axis", false);
  s.shrinks = fields.boolean("do_thumbnail", true);
  s.crops = fields.boolean("do_pad", true);
  s.crop = s.size;
  s.centring = Centring::kFast;
}

void read_size(const Fields& fields, const ImageClass& row, ImageSettings& s) {
  const Json* value = fields.find("size");
  if (!value) {
    s.size = {row.square, row.square};
    if (row.shortest > 0) set_edges(row, s, row.shortest, row.longest);
    return;
  }
  if (value->is_object()) {
    const Fields size = fields.object("size");
    if (size.has("height") || size.has("width")) {
      s.size = extent_of(fields, "size");
    } else if (size.has("max_height") || size.has("max_width")) {
      s.sizing = Sizing::kWithin;
      s.size = {edge_of(size, "max_height"), edge_of(size, "max_width")};
    } else {
      const bool longest = size.has("longest_edge");
      const char* one = longest && !size.has("shortest_edge") ? "longest_edge" : "shortest_edge";
      set_edges(row, s, edge_of(size, one), longest ? edge_of(size, "longest_edge") : 0);
    }
    return;
  }
  if (value->is_array() || row.square_number) {
    s.size = extent_of(fields, "size");
    return;
  }
  const int longest =
      row.longest > 0 ? static_cast<int>(fields.integer("max_size", 1, kEdge, kOldLongest)) : 0;
  set_edges(row, s, edge_of(fields, "size"), longest);
}

// One number for all channels, or one for each.
void read_channels(const Fields& fields, std::string_view key, double low,
                   std::array<double, 3>& out) {
  const Json* value = fields.find(key);
  if (!value) return;
  if (value->is_number()) {
    out.fill(fields.real(key, low, 1e6));
    return;
  }
  const std::string where = fields.where() + ": '" + std::string(key) + "'";
  if (!value->is_array() || value->size() != 3)
    fail(Errc::kBadData, where, " wanted a list of 3 numbers");
  for (std::size_t c = 0; c < 3; ++c) {
    const Fields one({{"value", (*value)[c]}}, where);
    out[c] = one.real("value", low, 1e6);
  }
}

constexpr double kLeastStd = 1e-12;

Filter filter_of(const Fields& fields, Filter fallback) {
  // Numbers are Pillow's; Pillow 9.1's enumeration was once written by name.
  return static_cast<Filter>(fields.integer("resample", 0, 5, static_cast<int>(fallback)));
}

// Older files name the areas; patches are merged by squares.
void read_areas(const Fields& fields, ImageSettings& s) {
  s.shortest_edge = static_cast<int>(fields.integer("min_pixels", 1, kEdge, s.shortest_edge));
  s.longest_edge = static_cast<int>(fields.integer("max_pixels", 1, kEdge, s.longest_edge));
  s.divisor = static_cast<int>(fields.integer("patch_size", 1, 1024, 14) *
                               fields.integer("merge_size", 1, 64, 2));
}

ImageSettings settings_of(const Fields& fields, const ImageClass& row, bool fast) {
  ImageSettings s;
  if (fast) {
    s.arithmetic = Arithmetic::kTorchvision;
    s.scaling = Scaling::kAtOnce;
    s.centring = row.one_edge == Sizing::kCropShare ? Centring::kEven : Centring::kFast;
  }
  s.best_boxes = row.best_boxes;
  s.resizes = fields.boolean("do_resize", true);
  s.filter = filter_of(fields, row.filter);
  if (fast && row.both_edges == Sizing::kLongestEven && s.filter == Filter::kLanczos)
    s.filter = Filter::kBicubic;  // as those classes do: tensors have no other
  if (fast && s.filter > Filter::kBicubic)
    fail(Errc::kUnsupported, "'resample' is ", static_cast<int>(s.filter),
         ", which torchvision does not have, wanted 0 to 3");
  s.crop_share = fields.real("crop_pct", 1e-3, 1e3, row.crop_share);
  s.divisor = static_cast<int>(fields.integer(
      "size_divisor", 0, 1 << 16, fields.integer("size_divisibility", 0, 1 << 16, row.divisor)));
  if (row.divisor == 1 || s.divisor == 0) s.divisor = 1;
  s.floor_divisor =
      row.floor_divisor == 1
          ? 1
          : static_cast<int>(fields.integer("size_divisor", 1, 1 << 16, row.floor_divisor));
  if (!row.page) read_size(fields, row, s);
  if (s.sizing == Sizing::kAreas) read_areas(fields, s);
  const bool may_crop = row.cropping != CropUse::kNever || fast;
  s.crops = may_crop && fields.boolean("do_center_crop", row.cropping == CropUse::kOn);
  s.crop = fields.has("crop_size") ? extent_of(fields, "crop_size") : Extent{row.crop, row.crop};
  if (s.crops && s.crop.height == 0) fail(Errc::kBadData, fields.where(), ": has no 'crop_size'");
  if (row.page) read_page(fields, s);
  s.rescales = fields.boolean("do_rescale", true);
  s.scale = fields.real("rescale_factor", 1e-9, 1e9, s.scale);
  s.offset = fields.boolean("rescale_offset", false) ? 1.0 : 0.0;
  s.normalises = fields.boolean("do_normalize", row.normalises);
  s.mean = row.mean;
  s.std = row.std;
  read_channels(fields, "image_mean", -1e6, s.mean);
  read_channels(fields, "image_std", kLeastStd, s.std);
  s.second_std = row.second_std && fields.boolean("include_top", true);
  s.squares = row.may_square && fields.boolean("do_pad", false);
  s.blue_first = row.blue_first && fields.boolean("do_flip_channel_order", true);
  if (fields.has("pad_size") && fields.boolean("do_pad", true))
    s.pad_size = extent_of(fields, "pad_size");
  return s;
}

// "ViTImageProcessorFast" -> "ViT", and who computes: a plain name means what it meant to the
// release that wrote it.
ImageSettings settings_of_class(const Fields& fields, std::string name, bool version5) {
  Generation generation = version5 ? Generation::kVersion5 : Generation::kPillow;
  bool fast = version5, named_pillow = false;
  if (name.ends_with("Fast")) {
    name.erase(name.size() - 4);
    generation = std::max(generation, Generation::kFast);
    fast = true;
  } else if (name.ends_with("Pil")) {
    name.erase(name.size() - 3);
    generation = Generation::kVersion5;
    fast = false;
    named_pillow = true;
  }
  if (const auto old = name.find("FeatureExtractor"); old != name.npos) name.erase(old);
  if (name.ends_with(kSuffix)) name.erase(name.size() - kSuffix.size());
  return with_context(fields.where(),
                      [&] {
                        const ImageClass& row = image_class(name, generation);
                        if (row.always_slow && !version5) fast = false;
                        return settings_of(fields, row,
                                           fast || (row.always_fast && !named_pillow));
                      });
}

// timm's own transforms: an edge of size / crop_pct by Pillow, the middle cut out, and the numbers
// made by torch.
ImageSettings settings_of_timm(const Fields& config) {
  const Fields fields = config.object("pretrained_cfg");
  ImageSettings s;
  s.scaling = Scaling::kTensor;
  s.centring = Centring::kEven;
  const Json* size = fields.find("input_size");
  Extent input{224, 224};
  if (size && size->is_array() && size->size() == 3) {
    const Fields pair({{"height", (*size)[1]}, {"width", (*size)[2]}}, fields.where());
    input = {edge_of(pair, "height"), edge_of(pair, "width")};
  }
  const double share = fields.real("crop_pct", 1e-3, 1e3, 0.875);
  const std::string mode = fields.text("crop_mode", "center");
  const Extent edges{static_cast<int>(std::floor(input.height / share)),
                     static_cast<int>(std::floor(input.width / share))};
  if (mode == "squash") {
    s.size = edges;
  } else if (mode == "center" && edges.height == edges.width) {
    s.sizing = Sizing::kShortest;
    s.shortest_edge = edges.height;
  } else {
    fail(Errc::kUnsupported, fields.where(), ": crop_mode '", mode, "' of ", input.width, " x ",
         input.height, " is not supported, wanted center of a square, or squash");
  }
  s.crops = true;
  s.crop = input;
  const std::string filter = fields.text("interpolation", "bicubic");
  constexpr std::pair<std::string_view, Filter> kFilters[] = {
      {"nearest", Filter::kNearest}, {"lanczos", Filter::kLanczos}, {"bilinear", Filter::kBilinear},
      {"bicubic", Filter::kBicubic}, {"box", Filter::kBox},         {"hamming", Filter::kHamming}};
  const auto* named =
      std::ranges::find(kFilters, filter, [](const auto& row) { return row.first; });
  if (named == std::end(kFilters))
    fail(Errc::kBadData, fields.where(), ": 'interpolation' is '", filter, "'");
  s.filter = named->second;
  s.mean = {0.485, 0.456, 0.406};
  s.std = {0.229, 0.224, 0.225};
  read_channels(fields, "mean", -1e6, s.mean);
  read_channels(fields, "std", kLeastStd, s.std);
  return s;
}

}  // namespace

ImageProcessor ImageProcessor::from_folder(const std::filesystem::path& folder) {
  const Fields config = optional_fields(folder / "config.json");
  const auto found = find_processor(folder, "image_processor");
  if (!found) {
    if (config.has("pretrained_cfg")) return ImageProcessor(settings_of_timm(config));
    fail(Errc::kNotFound, folder.string(),
         ": has no preprocessor_config.json, which says how pictures are resized");
  }
  const Fields& fields = found->fields;
  std::string name = fields.text("image_processor_type", fields.text("feature_extractor_type", ""));
  if (name == "TimmWrapperImageProcessor") return ImageProcessor(settings_of_timm(config));
  if (name.empty()) name = image_class_of_model(config.text("model_type", ""));
  if (name.empty()) fail(Errc::kUnsupported, fields.where(), ": names no image_processor_type");
  return ImageProcessor(
      settings_of_class(fields, std::move(name), found->nested || is_version_5(config)));
}

}  // namespace hft
