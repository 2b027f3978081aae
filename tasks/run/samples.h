// All of a sound in memory.
#pragma once

#include <vector>

#include "media/sound.h"

namespace hft {

// At so many samples a second; what open_sound and its reader throw.
std::vector<float> samples_of(const media::SoundSource& source, int rate);

}  // namespace hft
