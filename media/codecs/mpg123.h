// libmpg123, for MPEG audio. libsndfile has it too, but lets it print.
#pragma once

#include <memory>

#include "media/sound/backend.h"

namespace hft::media {

bool is_mpeg(ByteSource& bytes);
std::unique_ptr<Decoder> open_mpg123(std::unique_ptr<ByteSource> bytes);

}  // namespace hft::media
