// The frames of a sound as a model hears them, window by window, wherever it comes from.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "core/processors/feature_extractor.h"

namespace hft {

using OpenSound = std::function<std::unique_ptr<media::SoundReader>()>;

class SoundFrames {
 public:
  virtual ~SoundFrames() = default;
  // A whole window from frame `first` on, which never goes back; 0 after the last frame.
  virtual Features window(std::int64_t first) = 0;
  // Of the sound, padded to one window where it is shorter; of a stream that still goes on, more
  // than anybody will hear.
  virtual std::int64_t frames() const = 0;
  virtual std::int64_t samples() const = 0;  // so far
};

// In bounded memory; reads the sound once for the loudest frame of all.
std::unique_ptr<SoundFrames> frames_of_file(const FeatureSettings& settings, OpenSound open);
// Each window by itself, once its samples are there: the loudest frame of all is not known.
std::unique_ptr<SoundFrames> frames_of_stream(const FeatureSettings& settings,
                                              std::unique_ptr<media::SoundReader> reader);
// Of no more samples than a window has.
std::unique_ptr<SoundFrames> frames_of_samples(const FeatureSettings& settings,
                                               std::span<const float> samples);

// Pieces of a sound, each reaching over its neighbours.
struct SoundChunk {
  std::vector<float> samples;
  std::int64_t left = 0, right = 0;  // of them, the neighbours' too
};
class SoundChunks {
 public:
  // Of so many samples, and how many of them reach over the neighbours: length > left + right.
  SoundChunks(std::unique_ptr<media::SoundReader> reader, std::int64_t length, std::int64_t left,
              std::int64_t right);
  std::optional<SoundChunk> next();
  std::int64_t samples() const { return read_; }  // so far

 private:
  std::unique_ptr<media::SoundReader> reader_;
  std::int64_t length_, left_, right_, read_ = 0;
  std::vector<float> kept_;  // from the next chunk on
  bool first_ = true, ended_ = false, done_ = false;
};

}  // namespace hft
