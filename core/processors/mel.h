// Mel filters, and the frames of a sound that is given piece by piece: window, power, mel, log.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/processors/fourier.h"

namespace hft {

enum class MelScale : std::uint8_t { kSlaney, kHtk, kKaldi };
enum class MelLog : std::uint8_t { kLog10, kNatural, kDecibel };

struct MelSettings {
  int rate = 16000, bins = 80;
  double lowest = 0.0, highest = 8000.0;  // Hz
  MelScale scale = MelScale::kSlaney;
  bool equal_area = true;          // "slaney" norm
  bool triangles_in_mels = false;  // Kaldi's
  int frame = 400, hop = 160, fft = 400;
  bool centred = true;  // frames about multiples of hop, the edges reflected; else inside the sound
  bool drops_last = false;
  bool periodic = true;  // the Hann window
  bool removes_mean = false;
  double preemphasis = 0.0;
  double floor = 1e-10;
  MelLog log = MelLog::kLog10;
};

class MelFrames {
 public:
  explicit MelFrames(const MelSettings& settings);
  // The frames that are complete with these samples are added to `out`, [T,bins].
  void push(std::span<const float> samples, std::vector<float>& out);
  // The sound ends: those at its end.
  void finish(std::vector<float>& out);

 private:
  struct Filter {
    std::size_t first;
    std::vector<double> weights;
  };
  static std::vector<Filter> filters_of(const MelSettings& settings);
  void reflect_start();
  void reflect_end();
  void take_frames(std::vector<float>& out);
  void take_frame(const float* samples, std::vector<float>& out);

  MelSettings settings_;
  std::vector<Filter> filters_;
  Fourier fourier_;
  std::vector<double> window_, frame_, power_;
  std::vector<float> samples_;  // those of frames to come, and what the end reflects
  std::size_t next_ = 0;        // where the next frame begins
  bool started_ = false;
};

}  // namespace hft
