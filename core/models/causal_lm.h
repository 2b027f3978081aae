// A DecoderNet behind the torch-free interface of heads.h.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/models/decoder_net.h"
#include "core/models/heads/decoder.h"
#include "core/nn/workers.h"

namespace hft {

std::unique_ptr<CausalLm> make_causal_lm(DecoderNet net, const ModelRequest& request,
                                         std::shared_ptr<Pool> pool, at::ScalarType dtype,
                                         std::vector<std::string> warnings);

}  // namespace hft
