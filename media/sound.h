// Sounds in: any file, to the mono samples that `ffmpeg -ac 1 -ar RATE -f f32le` has of it, piece
// by piece. No LibTorch; libsndfile, libmpg123 and libswresample live in libhft_sound.so
// (media/sound/backend.h).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "media/image.h"

namespace hft::media {

// Samples without a header, little-endian, the channels in turn.
struct RawSound {
  enum class Type : std::uint8_t { kU8, kS16, kS24, kS32, kF32, kMulaw, kAlaw };
  int rate = 0, channels = 1;
  Type type = Type::kS16;
};
// "16000", "44100,2" or "8000,1,mulaw"; types are named as ffmpeg names them (s16le). Throws
// kUsage.
RawSound parse_raw_sound(const std::string& text);

// Where a sound lies: the bytes, or a file ("-": standard input, which raw samples may come from
// without an end).
struct SoundSource {
  std::string file;
  std::shared_ptr<const std::string> bytes{};
  std::string name;  // begins the errors
  std::optional<RawSound> raw{};
};

class SoundReader {
 public:
  virtual ~SoundReader() = default;
  // The next samples; fewer than there is room for only at the end. Throws kBadData for a sound
  // that holds no sample, one that is not finite, or more than limits::kSoundSeconds of them.
  virtual std::size_t read(std::span<float> samples) = 0;
};

// WAV, FLAC, Ogg (Vorbis, Opus) and MP3, known by content; other formats by the ffmpeg program. A
// damaged file gives what comes before the damage. Memory is bounded whatever the length. `rate` is
// that of the samples. Throws kNotFound, kBadData for what is no sound or over a limit (looked at
// before anything is decoded), kUnsupported naming a format whose decoder is not there.
std::unique_ptr<SoundReader> open_sound(const SoundSource& source, int rate);

// Begins like a format that open_sound reads, with or without ffmpeg.
bool is_sound(Bytes head);
// The name's suffix is that of sounds (".wav", ".m4a").
bool is_sound_name(std::string_view name);

}  // namespace hft::media
