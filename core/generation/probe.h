// Feeds a prompt and lets somebody look at the logits [V] of its last token; nothing is written. The
// sequence is kept (Method::kept), with the prompt in it.
#pragma once

#include <functional>

#include "core/generation/method.h"

namespace hft {

using Look = std::function<void(std::span<const float> logits)>;
std::unique_ptr<Method> make_probe(Decoder& decoder, Prompt prompt, Surroundings around, Look look);

}  // namespace hft
