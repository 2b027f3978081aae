// What RoBERTa shares with MPNet: positions that depend on the padding id, and two heads.
#pragma once

#include "core/models/encoders/bert.h"

namespace hft {

// [N]: padding + 1, padding + 2 … for the tokens of each sequence; a padding token inside a text
// has position `padding` and is not counted.
Tensor positions_after_padding(const Tokens& tokens, std::int64_t padding);

// classifier.dense, tanh, classifier.out_proj.
std::function<Tensor(const Tensor&)> roberta_classifier(const Fields& config, std::int64_t hidden,
                                                        const Weights& w);

// lm_head.dense, gelu, lm_head.layer_norm, then the tied product.
std::function<Tensor(const Tensor&)> roberta_masked_lm(const Fields& config, const BertConfig& c,
                                                       const Weights& w, const Weights& table);

}  // namespace hft
