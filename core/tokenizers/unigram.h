// Unigram language model (Kudo, arXiv:1804.10959): the most probable way to cut a piece.
#pragma once

#include <memory>
#include <optional>

#include "core/tokenizers/model.h"

namespace hft {

// scores[i] belongs to the token of id i. Throws kBadData for an unk_id outside the vocabulary.
std::unique_ptr<TokenModel> make_unigram(Vocabulary vocabulary, std::vector<double> scores,
                                         std::optional<std::int32_t> unk_id, bool byte_fallback,
                                         const std::string& where);

}  // namespace hft
