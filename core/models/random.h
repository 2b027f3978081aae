// LibTorch's random numbers behind the interface of heads/engine.h.
#pragma once

#include "core/models/heads/engine.h"

namespace hft {

std::unique_ptr<Random> make_random(std::uint64_t seed);

}  // namespace hft
