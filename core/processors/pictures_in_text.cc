#include "core/processors/pictures_in_text.h"

#include <cmath>

#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/base/text.h"
#include "core/checkpoint/sentence_folder.h"
#include "core/processors/processor_files.h"

namespace hft {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kMostTokens = 1 << 20;

Fields processor_fields(const fs::path& folder) {
  const fs::path file = folder / "processor_config.json";
  return Fields(fs::exists(file) ? read_json(file) : Json::object(), file.string());
}

// The field of the first that has it.
std::int64_t either(const Fields& first, const Fields& second, const char* key,
                    std::int64_t fallback) {
  return (first.has(key) ? first : second).integer(key, 0, kMostTokens, fallback);
}

}  // namespace

PicturesInText::PicturesInText(const fs::path& folder, const Fields& config, std::string mark)
    : processor_(ImageProcessor::from_folder(folder)), mark_(std::move(mark)) {
  const std::string type = config.text("model_type");
  kind_ = type == "llava"             ? Kind::kPatches
          : type == "llava_onevision" ? Kind::kTiles
          : type == "idefics3" || type == "smolvlm" ? Kind::kSplit
                                                    : Kind::kMerged;
  if (kind_ == Kind::kMerged) {
    side_ = processor_.settings().divisor;
    return;
  }
  const auto found = find_processor(folder, "image_processor");
  if (kind_ == Kind::kSplit) {
    read_squares(folder, found ? found->fields : config);
    return;
  }
  if (kind_ == Kind::kTiles) {
    resolutions_ = resolutions_of(found ? found->fields : config);
  }
  read_fields(processor_fields(folder), config);
}

void PicturesInText::read_squares(const fs::path& folder, const Fields& fields) {
  splits_ = fields.boolean("do_image_splitting", true);
  constexpr int kEdge = 364;
  const Fields most = fields.object("max_image_size");
  edge_ = static_cast<int>(most.integer("longest_edge", 1, limits::kHidden, kEdge));
  of_tile_ = processor_fields(folder).integer("image_seq_len", 1, kMostTokens, 169);
  const Fields tokenizer = optional_fields(folder / "tokenizer_config.json");
  around_ = tokenizer.text("fake_image_token", "<fake_token_around_image>");
  whole_ = tokenizer.text("global_image_token", "<global-img>");
}

// What old files leave out follows from the tower: CLIP's has a token beside its patches.
void PicturesInText::read_fields(const Fields& processor, const Fields& config) {
  const Fields vision = config.object("vision_config");
  const bool clip = vision.text("model_type", "clip_vision_model") == "clip_vision_model";
  const char* strategy = "vision_feature_select_strategy";
  const bool drops = (processor.has(strategy) ? processor : config)
                         .text(strategy, kind_ == Kind::kPatches ? "default" : "full") == "default";
  side_ = std::max<std::int64_t>(1, either(processor, vision, "patch_size", clip ? 32 : 16));
  more_ = drops ? -1 : 0;
  if (kind_ == Kind::kPatches) {
    more_ += processor.integer("num_additional_image_tokens", 0, kMostTokens, clip ? 1 : 0);
    return;
  }
  const auto edge = vision.integer("image_size", 1, limits::kHidden, 384) /
                    vision.integer("patch_size", 1, limits::kHidden, 16);
  of_tile_ = processor.integer("num_image_tokens", 1, kMostTokens, edge * edge);
  most_ = most_tiles(processor.has("vision_aspect_ratio") ? processor : config);
}

Pixels PicturesInText::pixels(const media::Image& image, bool alone) const {
  if (kind_ == Kind::kSplit) return split(image);
  if (kind_ != Kind::kTiles) return processor_(image);
  if (alone) return tiles(image);
  ImageSettings framed = processor_.settings();
  framed.squares = true;
  return ImageProcessor(std::move(framed))(image);
}

namespace {

// Adds the squares of a picture, row by row.
void add_tiles(const media::Image& image, int edge, const ImageProcessor& numbers, Pixels& all) {
  for (int top = 0; top + edge <= image.height; top += edge)
    for (int left = 0; left + edge <= image.width; left += edge) {
      media::Image tile{edge, edge, {}};
      for (int y = 0; y < edge; ++y) {
        const auto row = image.rgb.begin() +
                         3 * (static_cast<std::ptrdiff_t>(top + y) * image.width + left);
        tile.rgb.insert(tile.rgb.end(), row, row + 3 * edge);
      }
      const Pixels one = numbers(tile);
      all.data.insert(all.data.end(), one.data.begin(), one.data.end());
      ++all.tiles;
    }
}

// A processor of pictures that have their size.
ImageProcessor numbers_of(const ImageSettings& s) {
  ImageSettings plain = s;
  plain.resizes = false;
  return ImageProcessor(std::move(plain));
}

}  // namespace

Extent PicturesInText::split_extent(Extent resized) const {
  if (!splits_) return {edge_, edge_};
  const double ratio = static_cast<double>(resized.width) / resized.height;
  const auto whole = [&](double length) {  // of squares
    const double squares = std::ceil(std::trunc(length) / edge_);
    return static_cast<int>(std::min(squares * edge_, 1e9));
  };
  if (resized.width >= resized.height) {
    const int width = whole(resized.width);
    return {whole(width / ratio), width};
  }
  const int height = whole(resized.height);
  return {height, whole(height * ratio)};
}

// Its squares row by row, then the whole picture in one.
Pixels PicturesInText::split(const media::Image& image) const {
  const ImageSettings& s = processor_.settings();
  const auto sized = [&](const media::Image& from, Extent to) {
    if (std::int64_t{to.height} * to.width > limits::kImagePixels)
      fail(Errc::kBadData, "the picture would be resized to ", to.width, " x ", to.height,
           " pixels, wanted at most ", limits::kImagePixels, " of them");
    const bool same = to == Extent{from.height, from.width};
    return same ? from : resized(from, to.width, to.height, s.filter, s.arithmetic);
  };
  const media::Image first = sized(image, processor_.resized_extent({image.height, image.width}));
  const media::Image whole = sized(first, split_extent({first.height, first.width}));
  const ImageProcessor numbers = numbers_of(s);
  Pixels all{3, edge_, edge_, edge_, edge_, {}, 0, image.height, image.width};
  add_tiles(whole, edge_, numbers, all);
  if (all.tiles > 1) add_tiles(sized(whole, {edge_, edge_}), edge_, numbers, all);
  return all;
}

// The whole picture, then its best resolution in tiles, black where it does not reach.
Pixels PicturesInText::tiles(const media::Image& image) const {
  const ImageSettings& s = processor_.settings();
  Pixels all = processor_(image);
  const PictureSize picture{image.height, image.width};
  const PictureSize best = best_resolution(picture, resolutions_), fits = fitted(picture, best);
  media::Image padded{static_cast<int>(best.width), static_cast<int>(best.height), {}};
  padded.rgb.resize(3 * static_cast<std::size_t>(best.width * best.height));
  paste(resized(image, static_cast<int>(fits.width), static_cast<int>(fits.height), s.filter,
                s.arithmetic),
        static_cast<int>(best.width - fits.width) / 2, static_cast<int>(best.height - fits.height) / 2,
        padded);
  add_tiles(padded, all.height, numbers_of(s), all);
  return all;
}

std::int64_t PicturesInText::tokens(const Pixels& picture, bool alone) const {
  if (kind_ != Kind::kTiles)
    return (picture.height / side_) * (picture.width / side_) + more_;
  if (!alone) return of_tile_ + 1 + more_;
  const PictureSize whole{picture.whole_height, picture.whole_width};
  const PictureSize best = best_resolution(whole, resolutions_);
  const auto edge = static_cast<std::int64_t>(std::sqrt(static_cast<double>(of_tile_)));
  const PictureSize middle = unpadded(
      whole, {best.height / picture.height * edge, best.width / picture.width * edge});
  const PictureSize grid = shrunk(middle, most_, edge);
  return of_tile_ + grid.height * (grid.width + 1) + more_;
}

// Every square is named by its row and column.
std::string PicturesInText::split_marks(const Pixels& picture) const {
  std::string marks, out;
  for (std::int64_t i = 0; i < of_tile_; ++i) marks += mark_;
  if (picture.tiles > 1) {
    const Extent size = split_extent(
        processor_.resized_extent({picture.whole_height, picture.whole_width}));
    for (int row = 1; row <= size.height / edge_; ++row) {
      for (int column = 1; column <= size.width / edge_; ++column)
        out += around_ + "<row_" + std::to_string(row) + "_col_" + std::to_string(column) + ">" + marks;
      out += "\n";
    }
    out += "\n";
  }
  return out + around_ + whole_ + marks + around_;
}

std::string PicturesInText::expanded(const std::string& text,
                                     std::span<const Pixels* const> pictures) const {
  std::string out;
  std::size_t from = 0, used = 0;
  for (std::size_t at; (at = text.find(mark_, from)) != text.npos; from = at + mark_.size(), ++used) {
    out.append(text, from, at - from);
    if (used >= pictures.size()) continue;
    if (kind_ == Kind::kSplit) {
      out += split_marks(*pictures[used]);
      continue;
    }
    const auto count = tokens(*pictures[used], pictures.size() == 1);
    for (std::int64_t i = 0; i < count; ++i) out += mark_;
  }
  if (used != pictures.size())
    fail(Errc::kBadData, "the text has places for ", counted(static_cast<std::int64_t>(used), "picture"),
         " (", mark_, "), but ", pictures.size(), pictures.size() == 1 ? " is given" : " are given");
  return out.append(text, from);
}

}  // namespace hft
