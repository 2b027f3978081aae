// Any bytes as a sound: reading it ends with finite samples or with one hft::Error. The ffmpeg
// program is out of reach.
#include <cmath>
#include <cstdlib>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "media/sound.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kSamples = 1 << 20;  // longer ones are only slow
  static const bool alone = ::setenv("PATH", "/nowhere", 1) == 0;
  if (!alone) std::abort();
  const auto bytes = std::make_shared<const std::string>(reinterpret_cast<const char*>(data), size);
  try {
    const auto reader = hft::media::open_sound({.bytes = bytes, .name = "fuzz"}, 16000);
    std::vector<float> samples(4096);
    std::size_t count = 0;
    for (std::size_t n = samples.size(); n == samples.size() && count < kSamples; count += n) {
      n = reader->read(samples);
      for (std::size_t i = 0; i < n; ++i)
        if (!std::isfinite(samples[i])) std::abort();
    }
    if (count == 0) std::abort();
  } catch (const hft::Error&) {
  }
  return 0;
}
