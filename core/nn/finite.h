// Is a result free of NaN and infinity.
#pragma once

#include <span>

namespace hft {

bool all_finite(std::span<const float> values);

}  // namespace hft
