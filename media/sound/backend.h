// What reading sounds takes from libsndfile, libmpg123 and libswresample. Both live in
// libhft_sound.so, which is opened when a sound is read: linked to the program, they would cost
// every command its start.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace hft::media {

// A file's bytes, wherever they are.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  virtual std::int64_t size() const = 0;
  // Fewer than asked for at the end only.
  virtual std::size_t read_at(std::int64_t offset, std::span<std::uint8_t> out) = 0;
};

// Where the channels of a frame stand, as the bits of a WAVE channel mask in the order of the
// channels; empty: as their number suggests.
using Speakers = std::vector<std::uint64_t>;

// The samples of a file as it has them, full scale at 1.
class Decoder {
 public:
  virtual ~Decoder() = default;
  int rate = 0, channels = 0;
  Speakers speakers;
  std::int64_t frames = -1;  // -1: not known beforehand
  // Frames of `channels` samples; 0 at the end.
  virtual std::size_t read(std::span<float> frames) = 0;
};

// Channels mixed to one, as libswresample mixes them, at another rate.
class Mixer {
 public:
  virtual ~Mixer() = default;
  virtual void push(std::span<const float> frames, std::vector<float>& samples) = 0;
  virtual void finish(std::vector<float>& samples) = 0;
};

class SoundBackend {
 public:
  virtual ~SoundBackend() = default;
  // Throws kUnsupported for a coding that is not known, kBadData for a damaged file.
  virtual std::unique_ptr<Decoder> decode(std::unique_ptr<ByteSource> bytes) const = 0;
  virtual std::unique_ptr<Mixer> mix(const Decoder& from, int rate) const = 0;
};

// Opens libhft_sound.so on first use.
const SoundBackend& sound_backend();

}  // namespace hft::media
