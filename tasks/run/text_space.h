// Texts as a model of pictures and texts reads them, for what compares the two.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "core/models/heads/image.h"
#include "core/tokenizers/tokenizer.h"

namespace hft {

// Of two vectors' directions.
float cosine(std::span<const float> a, std::span<const float> b);

class TextSpace {
 public:
  // Reads the tokenizer. Throws kUnsupported where the model reads no texts.
  TextSpace(const std::filesystem::path& folder, const Fields& config, ImageModel& model);
  // [B,D]; a text that is too long is cut, with a note.
  Matrix read(const std::vector<std::string>& texts) const;
  // Each label is true or not by itself (SigLIP), else one of them is (CLIP).
  bool independent() const { return siglip_; }

 private:
  std::vector<std::int32_t> ids_of(const std::string& text) const;
  Tokenizer tokenizer_;
  ImageModel& model_;
  bool siglip_, canonical_ = false;
  std::int64_t most_;
};

}  // namespace hft
