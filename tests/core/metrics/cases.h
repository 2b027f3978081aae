// A metric by its name, from an input and to an answer in JSON: what tests/golden/metrics holds and
// scripts/compare metrics asks for.
#pragma once

#include <string>

#include "core/base/json.h"

namespace hft::test {

// NaN is null.
Json metric_of(const std::string& name, const Json& input);

}  // namespace hft::test
