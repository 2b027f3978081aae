// Connectionist temporal classification: a token or none for each moment of a sound, to text and
// when it was said. Reference: Wav2Vec2CTCTokenizer, and the chunks of
// AutomaticSpeechRecognitionPipeline. No LibTorch.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "core/tokenizers/tokenizer.h"

namespace hft {

// What is heard of a sound at once, in samples: windows of `length`, of which the first `left` and
// the last `right` overlap their neighbours. length 0: all of it.
struct CtcWindows {
  std::int64_t length = 0, left = 0, right = 0;
  std::int64_t step() const { return length - left - right; }
};

// Of so many seconds, in whole moments of `stride` samples. strides: one for both sides, or left and
// right; empty: a sixth of the length. Throws kUsage where they leave nothing between them.
CtcWindows ctc_windows(double seconds, std::span<const double> strides, int rate,
                       std::int64_t stride);

// Of a window's moments those that count, [begin, end), where `left` and `right` samples do not.
struct Moments {
  std::int64_t begin = 0, end = 0;
};
Moments moments_kept(std::int64_t samples, std::int64_t left, std::int64_t right,
                     std::int64_t stride);

// The largest of each row of logits, the first of equals.
void append_best(std::span<const float> logits, std::int64_t width, std::vector<std::int32_t>& ids);

// A character or a word, from one moment to another.
struct HeardText {
  std::string text;
  std::int64_t begin = 0, end = 0;
};

class CtcDecoder {
 public:
  // Reads the folder's tokenizer; what Tokenizer::load throws. language: of a vocabulary of several
  // (MMS), "": the one that tokenizer_config.json names.
  explicit CtcDecoder(const std::filesystem::path& folder, const std::string& language = "");

  std::string text(const std::vector<std::int32_t>& ids) const;
  // Repeated tokens as one, the word delimiter as a space.
  std::vector<HeardText> characters(std::span<const std::int32_t> ids) const;
  std::vector<HeardText> words(std::span<const std::int32_t> ids) const;

 private:
  std::string token(std::int32_t id) const;
  Tokenizer tokenizer_;
  std::string pad_, unknown_, delimiter_, space_;
};

}  // namespace hft
