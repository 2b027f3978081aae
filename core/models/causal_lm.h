// A DecoderNet behind the torch-free interface of heads.h.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/models/decoder_net.h"
#include "core/models/heads/decoder.h"

namespace hft {

std::unique_ptr<CausalLm> make_causal_lm(DecoderNet net, const ModelRequest& request,
                                         at::ScalarType dtype, std::vector<std::string> warnings);

}  // namespace hft
