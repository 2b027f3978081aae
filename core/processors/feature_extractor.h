// Sounds to the numbers a model takes, as the feature extractors of transformers make them. No
// LibTorch.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "core/processors/mel.h"
#include "media/sound.h"

namespace hft {

struct Features {
  std::int64_t frames = 0;
  int bins = 1;             // 1: the samples themselves
  std::vector<float> data;  // [T,bins], or of each part [parts,T,bins]
  int parts = 1;            // kClap: the whole sound in brief, then pieces of it
};

enum class FeatureKind : std::uint8_t {
  kWaveform,  // Wav2Vec2FeatureExtractor: the samples, of mean 0 and variance 1
  kWhisper,   // log10 of mel, no more than 8 under the loudest, in a window of fixed length
  kFbank,     // ASTFeatureExtractor: Kaldi's, cut or padded to a number of frames
  kClap       // decibels of a crop, or of repetitions, of fixed length
};

// What an extractor does, its class's defaults under what the file says.
struct FeatureSettings {
  FeatureKind kind = FeatureKind::kWaveform;
  int rate = 16000;  // samples a second
  bool normalises = true;
  MelSettings mel;
  std::int64_t samples = 0;  // kWhisper, kClap: of a window
  std::int64_t frames = 0;   // kFbank
  double mean = 0.0, std = 1.0;
  bool repeats = false, cut_repeats = false;  // kClap: a short sound, whole times or to the end
  bool fuses = false;                         // kClap: a long sound is heard in parts
};

class FeatureExtractor {
 public:
  // Reads preprocessor_config.json or processor_config.json ("feature_extractor"). kNotFound when
  // the folder has none of them, kUnsupported for a class that is not known, kBadData for values
  // out of range.
  static FeatureExtractor from_folder(const std::filesystem::path& folder);

  explicit FeatureExtractor(FeatureSettings settings) : settings_(std::move(settings)) {}
  const FeatureSettings& settings() const { return settings_; }

  // Of a whole sound at settings().rate. Whisper's is padded to its window, and of any length
  // beyond it. From any thread.
  Features operator()(std::span<const float> samples) const;

 private:
  FeatureSettings settings_;
};

// Whisper's features of a sound of any length, window by window in bounded memory: read once for
// its length and its loudest frame, which sets the floor of all, and once more for the frames.
class MelWindows {
 public:
  // `open` begins the sound anew each time.
  MelWindows(const FeatureSettings& settings,
             std::function<std::unique_ptr<media::SoundReader>()> open);
  std::int64_t samples() const { return samples_; }
  // Of the sound, padded to one window when it is shorter.
  std::int64_t frames() const { return frames_; }
  // `count` frames from `first` on, which never moves back; after the last they are 0.
  Features window(std::int64_t first, std::int64_t count);

 private:
  void rewind();
  bool more();

  FeatureSettings settings_;
  std::function<std::unique_ptr<media::SoundReader>()> open_;
  std::int64_t samples_ = 0, frames_ = 0;
  float loudest_ = 0.0f;
  std::unique_ptr<media::SoundReader> reader_;
  std::unique_ptr<MelFrames> mel_;
  std::vector<float> block_, kept_;  // kept_: frames from begin_ on
  std::int64_t read_ = 0, begin_ = 0;
  bool ended_ = false;
};

}  // namespace hft
