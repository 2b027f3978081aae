// Which noise a model learns with, as its config.json says.
#pragma once

#include "core/models/heads/trainee.h"
#include "core/nn/learning.h"

namespace hft {

Noise noise_of(const TrainRequest& request, const Fields& config);

}  // namespace hft
