// Texts as a model of pictures, or of sounds, and texts reads them, for what compares the two.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "core/models/heads/text_reader.h"
#include "core/tokenizers/tokenizer.h"

namespace hft {

// Of two vectors' directions.
float cosine(std::span<const float> a, std::span<const float> b);
// The logits of a picture's or a sound's vector with each text's.
std::vector<float> likenesses(std::span<const float> vector, const Matrix& texts, Likeness how);

class TextSpace {
 public:
  // Reads the tokenizer. Throws kUnsupported where the model reads no texts.
  TextSpace(const std::filesystem::path& folder, const Fields& config, TextReader& model);
  // [B,D]; a text that is too long is cut, with a note.
  Matrix read(const std::vector<std::string>& texts) const;
  // Each label is true or not by itself (SigLIP), else one of them is (CLIP).
  bool independent() const { return siglip_; }

 private:
  std::vector<std::int32_t> ids_of(const std::string& text) const;
  Tokenizer tokenizer_;
  TextReader& model_;
  bool siglip_, canonical_ = false;
  std::int64_t most_;
};

}  // namespace hft
