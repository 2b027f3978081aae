// The architectures there are, in the order of `hft models`.
#pragma once

#include <span>

#include "core/models/architecture.h"

namespace hft {

std::span<const Architecture* const> architectures();

}  // namespace hft
