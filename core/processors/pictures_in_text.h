// How pictures come into the texts of vision-language models: what the model looks at, and how many
// tokens stand for it. Reference: the processors of LLaVA, LLaVA-OneVision, Idefics3, SmolVLM and
// Qwen2-VL to Qwen3-VL. No LibTorch.
#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "core/base/tiles.h"
#include "core/processors/image_processor.h"

namespace hft {

class PicturesInText {
 public:
  // `mark`: the text of the token that a picture's place has. Reads processor_config.json where there
  // is one; what it leaves out follows from `config`, the folder's.
  PicturesInText(const std::filesystem::path& folder, const Fields& config, std::string mark);

  const std::string& mark() const { return mark_; }
  // A picture is seen otherwise where it is not alone in its text. From any thread.
  bool looks_at_company() const { return kind_ == Kind::kTiles; }
  Pixels pixels(const media::Image& image, bool alone) const;
  // Each mark as often as its picture has tokens. Throws kBadData where there are more or fewer marks
  // than pictures.
  std::string expanded(const std::string& text, std::span<const Pixels* const> pictures) const;

 private:
  enum class Kind { kPatches, kTiles, kMerged, kSplit };
  std::int64_t tokens(const Pixels& picture, bool alone) const;
  Pixels tiles(const media::Image& image) const;
  Pixels split(const media::Image& image) const;
  // kSplit: the size whose squares of edge_ are seen, or one such square.
  Extent split_extent(Extent resized) const;
  std::string split_marks(const Pixels& picture) const;
  void read_fields(const Fields& processor, const Fields& config);
  void read_squares(const std::filesystem::path& folder, const Fields& fields);

  ImageProcessor processor_;
  std::string mark_;
  Kind kind_;
  std::int64_t side_ = 1;      // pixels of a token's patch
  std::int64_t more_ = 0;      // tokens beside those of patches
  std::int64_t of_tile_ = 0;   // kTiles: tokens
  std::int64_t most_ = 9;
  std::vector<PictureSize> resolutions_;
  bool splits_ = true;  // kSplit: into squares of `edge_` pixels, and the whole in one of them
  int edge_ = 0;
  std::string around_, whole_;  // kSplit: what stands around a picture, and before the whole
};

}  // namespace hft
