// Unigram language model (Kudo, arXiv:1804.10959): the most probable way to cut a piece.
#pragma once

#include <memory>
#include <optional>

#include "core/tokenizers/model.h"

namespace hft {

struct UnigramOptions {
  std::optional<std::int32_t> unk_id{};
  bool byte_fallback = false;
  // As SentencePiece adds up scores, in float; tokenizers does it in double.
  bool single_precision = false;
  std::optional<double> unknown_score{};  // default: 10 below the lowest score
};

// scores[i] belongs to the token of id i. Throws kBadData for an unk_id outside the vocabulary.
std::unique_ptr<TokenModel> make_unigram(Vocabulary vocabulary, const std::vector<double>& scores,
                                         const UnigramOptions& options, const std::string& where);

}  // namespace hft
