#include "tasks/audio/sound_frames.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace hft {
namespace {

std::int64_t window_frames(const FeatureSettings& s) { return s.samples / s.mel.hop; }

// Frames [first, first + count) of all there are, 0 after the last.
Features slice(const Features& all, std::int64_t first, std::int64_t count) {
  Features out{count, all.bins, {}};
  const auto there = std::clamp<std::int64_t>(all.frames - first, 0, count);
  const auto* from = all.data.data() + std::min(first, all.frames) * all.bins;
  out.data.assign(from, from + there * all.bins);
  out.data.resize(static_cast<std::size_t>(count * all.bins));
  return out;
}

class FileFrames : public SoundFrames {
 public:
  FileFrames(const FeatureSettings& settings, OpenSound open)
      : windows_(settings, std::move(open)), count_(window_frames(settings)) {}
  Features window(std::int64_t first) override { return windows_.window(first, count_); }
  std::int64_t frames() const override { return windows_.frames(); }
  std::int64_t samples() const override { return windows_.samples(); }

 private:
  MelWindows windows_;
  std::int64_t count_;
};

class SampleFrames : public SoundFrames {
 public:
  SampleFrames(const FeatureSettings& settings, std::span<const float> samples)
      : all_(FeatureExtractor(settings)(samples)),
        count_(window_frames(settings)),
        samples_(static_cast<std::int64_t>(samples.size())) {}
  Features window(std::int64_t first) override { return slice(all_, first, count_); }
  std::int64_t frames() const override { return all_.frames; }
  std::int64_t samples() const override { return samples_; }

 private:
  Features all_;
  std::int64_t count_, samples_;
};

class StreamFrames : public SoundFrames {
 public:
  StreamFrames(const FeatureSettings& settings, std::unique_ptr<media::SoundReader> reader)
      : settings_(settings), reader_(std::move(reader)) {}

  Features window(std::int64_t first) override {
    const std::int64_t hop = settings_.mel.hop;
    drop(first * hop - begin_);
    fill(settings_.samples + 1);  // one more tells that it goes on
    const auto there = std::min(kept_.size(), static_cast<std::size_t>(settings_.samples));
    const Features none{0, settings_.mel.bins, {}};
    return slice(there == 0 ? none : FeatureExtractor(settings_)(std::span(kept_).first(there)), 0,
                 window_frames(settings_));
  }
  std::int64_t frames() const override {
    if (!ended_) return std::numeric_limits<std::int64_t>::max();
    return std::max(window_frames(settings_), samples() / settings_.mel.hop);
  }
  std::int64_t samples() const override {
    return begin_ + static_cast<std::int64_t>(kept_.size());
  }

 private:
  void drop(std::int64_t samples) {
    const auto gone = std::min(samples, static_cast<std::int64_t>(kept_.size()));
    kept_.erase(kept_.begin(), kept_.begin() + gone);
    begin_ += gone;
  }
  void fill(std::int64_t count) {
    const auto before = kept_.size(), wanted = static_cast<std::size_t>(count);
    if (ended_ || before >= wanted) return;
    kept_.resize(wanted);
    const auto got = reader_->read(std::span(kept_).subspan(before));
    ended_ = before + got < wanted;
    kept_.resize(before + got);
  }

  FeatureSettings settings_;
  std::unique_ptr<media::SoundReader> reader_;
  std::vector<float> kept_;  // samples from begin_ on
  std::int64_t begin_ = 0;
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<SoundFrames> frames_of_file(const FeatureSettings& settings, OpenSound open) {
  return std::make_unique<FileFrames>(settings, std::move(open));
}
std::unique_ptr<SoundFrames> frames_of_stream(const FeatureSettings& settings,
                                              std::unique_ptr<media::SoundReader> reader) {
  return std::make_unique<StreamFrames>(settings, std::move(reader));
}
std::unique_ptr<SoundFrames> frames_of_samples(const FeatureSettings& settings,
                                               std::span<const float> samples) {
  return std::make_unique<SampleFrames>(settings, samples);
}

SoundChunks::SoundChunks(std::unique_ptr<media::SoundReader> reader, std::int64_t length,
                         std::int64_t left, std::int64_t right)
    : reader_(std::move(reader)), length_(length), left_(left), right_(right) {}

std::optional<SoundChunk> SoundChunks::next() {
  if (done_) return std::nullopt;
  const auto wanted = static_cast<std::size_t>(length_ + 1);  // one more tells that it goes on
  if (const auto before = kept_.size(); !ended_ && before < wanted) {
    kept_.resize(wanted);
    const auto got = reader_->read(std::span(kept_).subspan(before));
    ended_ = before + got < wanted;
    kept_.resize(before + got);
    read_ += static_cast<std::int64_t>(got);
  }
  SoundChunk chunk;
  done_ = ended_ && kept_.size() <= static_cast<std::size_t>(length_);
  const auto size = std::min<std::size_t>(kept_.size(), static_cast<std::size_t>(length_));
  chunk.samples.assign(kept_.begin(), kept_.begin() + static_cast<std::ptrdiff_t>(size));
  chunk.left = std::exchange(first_, false) ? 0 : left_;
  chunk.right = done_ ? 0 : right_;
  const auto step = std::min(static_cast<std::int64_t>(kept_.size()), length_ - left_ - right_);
  kept_.erase(kept_.begin(), kept_.begin() + step);
  if (static_cast<std::int64_t>(size) <= chunk.left) return std::nullopt;
  return chunk;
}

}  // namespace hft
