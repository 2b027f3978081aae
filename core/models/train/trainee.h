// Training behind the interface of heads/trainee.h.
#pragma once

#include <memory>

#include "core/models/heads/trainee.h"

namespace hft {

std::unique_ptr<Trainee> make_trainee(const TrainRequest& request);

}  // namespace hft
