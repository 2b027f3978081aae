#include "core/processors/mel.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace hft {
namespace {

// Slaney's Auditory Toolbox: linear to 1 kHz, then 27 steps to 6.4 kHz.
constexpr double kLogFrom = 1000.0, kLogFromMel = 15.0;
const double kLogStep = 27.0 / std::log(6.4);

double mel_of(double hertz, MelScale scale) {
  if (scale == MelScale::kHtk) return 2595.0 * std::log10(1.0 + hertz / 700.0);
  if (scale == MelScale::kKaldi) return 1127.0 * std::log(1.0 + hertz / 700.0);
  return hertz < kLogFrom ? 3.0 * hertz / 200.0
                          : kLogFromMel + std::log(hertz / kLogFrom) * kLogStep;
}

double hertz_of(double mel, MelScale scale) {
  if (scale == MelScale::kHtk) return 700.0 * (std::pow(10.0, mel / 2595.0) - 1.0);
  if (scale == MelScale::kKaldi) return 700.0 * (std::exp(mel / 1127.0) - 1.0);
  return mel < kLogFromMel ? 200.0 * mel / 3.0
                           : kLogFrom * std::exp((mel - kLogFromMel) / kLogStep);
}

std::vector<double> hann(const MelSettings& s) {
  std::vector<double> window(static_cast<std::size_t>(s.frame));
  const double over = s.periodic ? s.frame : std::max(s.frame - 1, 1);
  for (std::size_t i = 0; i < window.size(); ++i)
    window[i] = 0.5 - 0.5 * std::cos(2.0 * std::numbers::pi * static_cast<double>(i) / over);
  return window;
}

// Position i, before the first or after the last of n samples, as a mirror shows it.
std::size_t mirrored(std::int64_t i, std::int64_t n) {
  if (n == 1) return 0;
  const std::int64_t round = 2 * (n - 1), at = ((i % round) + round) % round;
  return static_cast<std::size_t>(at < n ? at : round - at);
}

}  // namespace

std::vector<MelFrames::Filter> MelFrames::filters_of(const MelSettings& s) {
  const auto bins = static_cast<std::size_t>(s.bins);
  const double low = mel_of(s.lowest, s.scale), high = mel_of(s.highest, s.scale);
  std::vector<double> corners(bins + 2);
  for (std::size_t i = 0; i < corners.size(); ++i) {
    const double mel = low + (high - low) * static_cast<double>(i) / static_cast<double>(bins + 1);
    corners[i] = s.triangles_in_mels ? mel : hertz_of(mel, s.scale);
  }
  const std::size_t frequencies = static_cast<std::size_t>(s.fft) / 2 + 1;
  // The last frequency is rate // 2, as the reference divides, whatever the size of the transform.
  const double step =
      s.triangles_in_mels
          ? static_cast<double>(s.rate) / (2.0 * static_cast<double>(frequencies - 1))
          : static_cast<double>(s.rate / 2) / static_cast<double>(frequencies - 1);
  std::vector<Filter> filters(bins);
  for (std::size_t b = 0; b < bins; ++b) {
    const double left = corners[b], peak = corners[b + 1], right = corners[b + 2];
    const double area = s.equal_area ? 2.0 / (right - left) : 1.0;
    Filter& filter = filters[b];
    for (std::size_t k = 0; k < frequencies; ++k) {
      const double hertz = step * static_cast<double>(k);
      const double x = s.triangles_in_mels ? mel_of(hertz, s.scale) : hertz;
      const double weight =
          std::min((x - left) / (peak - left), (right - x) / (right - peak)) * area;
      if (!(weight > 0.0)) continue;
      if (filter.weights.empty()) filter.first = k;
      filter.weights.resize(k - filter.first);
      filter.weights.push_back(weight);
    }
  }
  return filters;
}

MelFrames::MelFrames(const MelSettings& s)
    : settings_(s),
      filters_(filters_of(s)),
      fourier_(s.fft),
      window_(hann(s)),
      frame_(static_cast<std::size_t>(s.fft)),
      power_(static_cast<std::size_t>(s.fft) / 2 + 1) {}

void MelFrames::push(std::span<const float> samples, std::vector<float>& out) {
  samples_.insert(samples_.end(), samples.begin(), samples.end());
  if (settings_.centred && !started_) {
    if (samples_.size() <= static_cast<std::size_t>(settings_.frame / 2)) return;
    reflect_start();
  }
  take_frames(out);
}

void MelFrames::finish(std::vector<float>& out) {
  if (settings_.centred && !samples_.empty()) reflect_end();
  take_frames(out);
}

void MelFrames::reflect_start() {
  const auto pad = static_cast<std::size_t>(settings_.frame / 2);
  std::vector<float> before(pad);
  for (std::size_t i = 0; i < pad; ++i) before[i] = samples_[pad - i];
  samples_.insert(samples_.begin(), before.begin(), before.end());
  started_ = true;
}

// A sound shorter than half a frame is mirrored to and fro.
void MelFrames::reflect_end() {
  const std::int64_t pad = settings_.frame / 2, n = static_cast<std::int64_t>(samples_.size());
  const std::vector<float> all = started_ ? std::vector<float>{} : samples_;
  if (!started_) {
    samples_.clear();
    for (std::int64_t i = -pad; i < n + pad; ++i) samples_.push_back(all[mirrored(i, n)]);
    return;
  }
  for (std::int64_t i = 0; i < pad; ++i)
    samples_.push_back(samples_[static_cast<std::size_t>(n - 2 - i)]);
}

void MelFrames::take_frames(std::vector<float>& out) {
  const auto frame = static_cast<std::size_t>(settings_.frame);
  const auto hop = static_cast<std::size_t>(settings_.hop);
  // A frame that may be the last waits for the one behind it.
  const std::size_t needed = frame + (settings_.drops_last ? hop : 0);
  for (; next_ + needed <= samples_.size(); next_ += hop) take_frame(samples_.data() + next_, out);
  // What the end may reflect is kept.
  const std::size_t kept = frame / 2 + 1;
  const std::size_t gone = std::min(next_, samples_.size() - std::min(samples_.size(), kept));
  samples_.erase(samples_.begin(), samples_.begin() + static_cast<std::ptrdiff_t>(gone));
  next_ -= gone;
}

void MelFrames::take_frame(const float* samples, std::vector<float>& out) {
  const MelSettings& s = settings_;
  const auto size = static_cast<std::size_t>(s.frame);
  const auto log_of = [&](double power) {
    const float x = static_cast<float>(std::max(power, s.floor));
    return s.log == MelLog::kNatural ? std::log(x)
           : s.log == MelLog::kLog10 ? std::log10(x)
                                     : 10.0f * std::log10(x);
  };
  if (std::all_of(samples, samples + size, [](float x) { return x == 0.0f; })) {
    out.insert(out.end(), filters_.size(), log_of(0.0));
    return;
  }
  std::copy_n(samples, size, frame_.begin());
  if (s.removes_mean) {
    double mean = 0.0;
    for (std::size_t i = 0; i < size; ++i) mean += frame_[i];
    mean /= static_cast<double>(size);
    for (std::size_t i = 0; i < size; ++i) frame_[i] -= mean;
  }
  if (s.preemphasis != 0.0) {
    for (std::size_t i = size - 1; i > 0; --i) frame_[i] -= s.preemphasis * frame_[i - 1];
    frame_[0] *= 1.0 - s.preemphasis;
  }
  for (std::size_t i = 0; i < size; ++i) frame_[i] *= window_[i];
  fourier_.power(frame_, power_);
  for (const Filter& filter : filters_) {
    double sum = 0.0;
    const double* const power = power_.data() + filter.first;
    for (std::size_t k = 0; k < filter.weights.size(); ++k) sum += filter.weights[k] * power[k];
    out.push_back(log_of(sum));
  }
}

}  // namespace hft
