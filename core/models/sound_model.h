// A SoundNet behind the torch-free interface of heads/sound.h.
#pragma once

#include <memory>

#include "core/models/sound_net.h"

namespace hft {

std::unique_ptr<SoundModel> make_sound_model(SoundNet net, Runtime runtime,
                                             std::vector<std::string> warnings);

}  // namespace hft
