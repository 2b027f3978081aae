// Inputs of a forward that are no texts, shared out over the cores.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "core/models/text_model.h"

namespace hft {

// Calls compute(first, count) for runs of inputs of `sizes` that are about `most` in all (0: each
// alone), without gradients: several runs at the same time, each on a core of its own, the largest
// first; or the only one on all of them.
void in_passes(std::span<const std::int64_t> sizes, std::int64_t most, const Runtime& runtime,
               const std::function<void(std::size_t first, std::size_t count)>& compute);

}  // namespace hft
