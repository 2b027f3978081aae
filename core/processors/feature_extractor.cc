#include "core/processors/feature_extractor.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace hft {
namespace {

constexpr std::size_t kBlock = 1 << 15;  // samples read at a time
constexpr float kRange = 8.0f;           // powers of ten under the loudest frame

// Padding with silence, as long as the window is.
void pad(MelFrames& mel, std::int64_t samples, std::vector<float>& out) {
  const std::vector<float> silence(kBlock);
  for (; samples > 0; samples -= static_cast<std::int64_t>(kBlock))
    mel.push(
        std::span(silence).first(static_cast<std::size_t>(std::min<std::int64_t>(samples, kBlock))),
        out);
}

void to_range(std::span<float> frames, float loudest) {
  const float floor = loudest - kRange;
  for (float& x : frames) x = (std::max(x, floor) + 4.0f) / 4.0f;
}

Features waveform(const FeatureSettings& s, std::span<const float> samples) {
  Features out{static_cast<std::int64_t>(samples.size()), 1, {samples.begin(), samples.end()}};
  if (!s.normalises || samples.empty()) return out;
  double mean = 0.0, variance = 0.0;
  for (const float x : samples) mean += x;
  mean /= static_cast<double>(samples.size());
  for (const float x : samples) variance += (x - mean) * (x - mean);
  variance /= static_cast<double>(samples.size());
  const double scale = 1.0 / std::sqrt(variance + 1e-7);
  for (float& x : out.data) x = static_cast<float>((x - mean) * scale);
  return out;
}

Features whisper(const FeatureSettings& s, std::span<const float> samples) {
  const auto n = static_cast<std::int64_t>(samples.size());
  Features out{0, s.mel.bins, {}};
  MelFrames mel(s.mel);
  mel.push(samples, out.data);
  pad(mel, s.samples - n, out.data);
  mel.finish(out.data);
  out.frames = static_cast<std::int64_t>(out.data.size()) / out.bins;
  to_range(out.data, *std::ranges::max_element(out.data));
  return out;
}

Features fbank(const FeatureSettings& s, std::span<const float> samples) {
  Features out{s.frames, s.mel.bins, {}};
  MelFrames mel(s.mel);
  const auto needed = static_cast<std::size_t>(s.mel.frame + (s.frames - 1) * s.mel.hop);
  mel.push(samples.first(std::min(samples.size(), needed)), out.data);
  // Frames of padding are 0 before the mean is taken off, not silent.
  out.data.resize(static_cast<std::size_t>(out.frames * out.bins));
  if (s.normalises)
    for (float& x : out.data) x = static_cast<float>((x - s.mean) / (s.std * 2.0));
  return out;
}

// Frames squeezed in time to `count`, as interpolate's bilinear has it.
void add_squeezed(std::span<const float> frames, std::int64_t count, std::int64_t bins,
                  std::vector<float>& out) {
  const auto total = std::ssize(frames) / bins;
  const float step = static_cast<float>(total) / static_cast<float>(count);
  for (std::int64_t t = 0; t < count; ++t) {
    const float at = std::max(0.0f, (static_cast<float>(t) + 0.5f) * step - 0.5f);
    const auto first = static_cast<std::int64_t>(at), second = std::min(first + 1, total - 1);
    const float share = at - static_cast<float>(first);
    for (std::int64_t b = 0; b < bins; ++b)
      out.push_back(frames[first * bins + b] * (1.0f - share) + frames[second * bins + b] * share);
  }
}

// Where windows begin of which the last begins at frame `last`: one in each third. The reference draws
// them there at random; here they are the first, the middle of the middle, and the last.
std::array<std::int64_t, 3> beginnings(std::int64_t last) {
  const std::int64_t first_third = (last + 3) / 3, second_third = (last + 2) / 3;
  const std::int64_t middle = second_third > 0 ? first_third + (second_third - 1) / 2 : 0;
  return {0, middle, last + 1 >= 3 ? last : 0};
}

// A long sound: squeezed into one window, and a window of each third.
Features clap_in_parts(const FeatureSettings& s, std::span<const float> samples) {
  std::vector<float> frames;
  MelFrames mel(s.mel);
  mel.push(samples, frames);
  mel.finish(frames);
  const std::int64_t bins = s.mel.bins, count = s.samples / s.mel.hop + 1,
                     total = std::ssize(frames) / bins;
  Features out{count, s.mel.bins, {}};
  if (total == count) {
    out.data = std::move(frames);
    return out;
  }
  add_squeezed(frames, count, bins, out.data);
  for (const std::int64_t from : beginnings(total - count)) {
    const auto begin = frames.begin() + from * bins;
    out.data.insert(out.data.end(), begin, begin + count * bins);
    ++out.parts;
  }
  return out;
}

// The reference crops at random; here it is the beginning.
Features clap(const FeatureSettings& s, std::span<const float> samples) {
  if (s.fuses && std::ssize(samples) > s.samples) return clap_in_parts(s, samples);
  const auto wanted = static_cast<std::size_t>(s.samples);
  samples = samples.first(std::min(samples.size(), wanted));
  std::vector<float> window(samples.begin(), samples.end());
  if (!samples.empty() && s.repeats) {
    const std::size_t times = wanted / samples.size() + (s.cut_repeats ? 1 : 0);
    for (std::size_t i = 1; i < times; ++i)
      window.insert(window.end(), samples.begin(), samples.end());
  }
  window.resize(wanted);
  Features out{s.samples / s.mel.hop + 1, s.mel.bins, {}};
  MelFrames mel(s.mel);
  mel.push(window, out.data);
  mel.finish(out.data);
  return out;
}

}  // namespace

Features FeatureExtractor::operator()(std::span<const float> samples) const {
  switch (settings_.kind) {
    case FeatureKind::kWaveform:
      return waveform(settings_, samples);
    case FeatureKind::kWhisper:
      return whisper(settings_, samples);
    case FeatureKind::kFbank:
      return fbank(settings_, samples);
    case FeatureKind::kClap:
      return clap(settings_, samples);
  }
  return {};
}

// A sound of one window is kept, and not read again.
MelWindows::MelWindows(const FeatureSettings& settings,
                       std::function<std::unique_ptr<media::SoundReader>()> open)
    : settings_(settings), open_(std::move(open)), block_(kBlock) {
  rewind();
  const std::int64_t most = settings_.samples / settings_.mel.hop;
  loudest_ = std::numeric_limits<float>::lowest();
  for (std::size_t before = 0; more(); before = kept_.size()) {
    for (std::size_t i = before; i < kept_.size(); ++i) loudest_ = std::max(loudest_, kept_[i]);
    frames_ += static_cast<std::int64_t>(kept_.size() - before) / settings_.mel.bins;
    if (frames_ > most) kept_.clear();
  }
  samples_ = read_;
  if (frames_ > most) rewind();
}

void MelWindows::rewind() {
  reader_ = open_();
  mel_ = std::make_unique<MelFrames>(settings_.mel);
  kept_.clear();
  read_ = begin_ = 0;
  ended_ = false;
}

// The frames of the next block; false at the end.
bool MelWindows::more() {
  if (ended_) return false;
  const std::size_t n = reader_->read(block_);
  read_ += static_cast<std::int64_t>(n);
  mel_->push(std::span(block_).first(n), kept_);
  ended_ = n < block_.size();
  if (ended_) {
    pad(*mel_, settings_.samples - read_, kept_);
    mel_->finish(kept_);
  }
  return true;
}

Features MelWindows::window(std::int64_t first, std::int64_t count) {
  const std::int64_t bins = settings_.mel.bins;
  const auto kept = [&] { return static_cast<std::int64_t>(kept_.size()) / bins; };
  const auto drop = [&] {
    const std::int64_t gone = std::min(first - begin_, kept());
    kept_.erase(kept_.begin(), kept_.begin() + static_cast<std::ptrdiff_t>(gone * bins));
    begin_ += gone;
  };
  do drop();
  while (begin_ + kept() < first + count && more());
  drop();
  Features out{count, settings_.mel.bins, {}};
  const auto there = static_cast<std::ptrdiff_t>(std::min(count, kept()) * bins);
  out.data.assign(kept_.begin(), kept_.begin() + there);
  to_range(out.data, loudest_);
  out.data.resize(static_cast<std::size_t>(count * bins));
  return out;
}

}  // namespace hft
