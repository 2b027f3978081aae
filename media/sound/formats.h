// How files of sounds begin, and who decodes them.
#pragma once

#include <string_view>

#include "media/image.h"

namespace hft::media {

struct SoundFormat {
  std::size_t at;
  std::string_view magic;
  std::size_t at_2;
  std::string_view magic_2;
  std::string_view name;  // "an MP4 (M4A) sound"
  bool own;               // decoded here; otherwise by the ffmpeg program
};

// Null when it begins like no sound.
const SoundFormat* sound_format(Bytes head);
inline constexpr std::size_t kSoundHead = 64;  // bytes that tell

}  // namespace hft::media
