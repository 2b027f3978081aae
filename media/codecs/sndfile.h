// libsndfile, for the formats that it decodes safely: WAV, FLAC and Ogg.
#pragma once

#include <memory>

#include "media/sound/backend.h"

namespace hft::media {

std::unique_ptr<Decoder> open_sndfile(std::unique_ptr<ByteSource> bytes);

}  // namespace hft::media
