#include "tasks/run/samples.h"

namespace hft {

std::vector<float> samples_of(const media::SoundSource& source, int rate) {
  const auto reader = media::open_sound(source, rate);
  std::vector<float> samples;
  for (std::size_t room = 1 << 16;; room = samples.size()) {  // doubled each time
    const auto before = samples.size();
    samples.resize(before + room);
    const auto got = reader->read(std::span(samples).subspan(before));
    samples.resize(before + got);
    if (got < room) return samples;
  }
}

}  // namespace hft
