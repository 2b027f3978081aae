#include "media/sound/backend.h"

#include "core/base/library.h"

namespace hft::media {

const SoundBackend& sound_backend() {
  static const SoundBackend* opened =
      reinterpret_cast<const SoundBackend* (*)()>(open_library("hft_sound", "hft_sound"))();
  return *opened;
}

}  // namespace hft::media
