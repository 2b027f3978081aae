// The activation modules of torch.nn with the settings their constructors default to, in
// evaluation mode.
#pragma once

#include <functional>
#include <string>

#include "core/nn/weights.h"

namespace hft {

// "torch.nn.modules.activation.LeakyReLU", or as torch.nn itself spells it. A module with weights
// (PReLU) finds them below `w`. Throws kUnsupported with the list, naming `field`.
std::function<Tensor(const Tensor&)> torch_activation(const std::string& path, const Weights& w,
                                                      std::string_view field);

}  // namespace hft
