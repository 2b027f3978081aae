// How a model of pictures or sounds reads texts into the same space.
#pragma once

#include <functional>

#include "core/models/heads/text_reader.h"
#include "core/models/text_model.h"

namespace hft {

struct TextSide {
  std::function<Tensor(const Tokens&)> read;  // vectors [B,D]; empty: the model reads no texts
  std::int64_t vocab = 0, positions = 0;
  Tensor scale, bias;  // of Likeness; undefined: 1 and 0
};

// The texts as a model reads them. Throws kBadData for an id outside the vocabulary or a text without
// tokens, kUsage for one longer than the positions.
Tokens tokens_of(const TextSide& side, const TokenBatch& texts, at::Device device);

// As TextReader has them.
Matrix read_texts(const TextSide& side, const TokenBatch& texts, const Runtime& runtime);
Likeness likeness_of(const TextSide& side);

// A tensor's numbers, of more than two dimensions the first as rows; none where it is undefined.
Matrix matrix_of(const Tensor& tensor);

}  // namespace hft
