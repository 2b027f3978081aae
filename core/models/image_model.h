// An ImageNet behind the torch-free interface of heads/image.h.
#pragma once

#include <memory>

#include "core/models/image_net.h"
#include "core/models/text_model.h"

namespace hft {

std::unique_ptr<ImageModel> make_image_model(ImageNet net, Runtime runtime,
                                             std::vector<std::string> warnings);

}  // namespace hft
