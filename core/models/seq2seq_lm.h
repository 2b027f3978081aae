// A Seq2SeqNet behind the torch-free interface of heads.h.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/models/heads/decoder.h"
#include "core/models/seq2seq_net.h"
#include "core/nn/workers.h"

namespace hft {

std::unique_ptr<Seq2SeqLm> make_seq2seq_lm(Seq2SeqNet net, const ModelRequest& request,
                                           std::shared_ptr<Pool> pool, at::ScalarType dtype,
                                           std::vector<std::string> warnings);

}  // namespace hft
