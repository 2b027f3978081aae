// An architecture that reads with a head, whichever of its builders it has.
#pragma once

#include "core/models/architecture.h"

namespace hft {

TextNet build_reader(const Architecture& architecture, const Fields& config, const Weights& w,
                     Head head);

}  // namespace hft
