// BERT's parts, which RoBERTa, ELECTRA and MPNet share in whole or in part.
#pragma once

#include <string>
#include <vector>

#include "core/models/text_net.h"
#include "core/nn/embedding.h"
#include "core/nn/norm.h"

namespace hft {

// The fields of config.json, checked for range; the weights' shapes check them against each other.
struct BertConfig {
  std::int64_t vocab, hidden, layers, heads, ffn, positions, types;
  Activation activation;
  double eps;
  bool causal;                           // is_decoder: a token sees none after it
  std::vector<std::int64_t> heads_left;  // of each layer, where some were pruned
  explicit BertConfig(const Fields& config, std::int64_t default_types = 2);
};

// Word, position and token type vectors, added and normalised.
struct BertEmbeddings {
  Embedding word_embeddings, position_embeddings, token_type_embeddings;
  LayerNorm norm;
  std::string path;
  BertEmbeddings(const BertConfig& c, const Weights& w, std::int64_t size);
  // more: added to them, [N,D]; undefined: nothing. -> [N,D]
  Tensor operator()(const Tokens& tokens, const Tensor& positions, const Tensor& more = {}) const;
};

struct BertLayer {
  Linear query_key_value, attention_output, intermediate, output;
  LayerNorm attention_norm, output_norm;
  std::int64_t heads;
  Activation activation;
  std::string path;
  BertLayer(const BertConfig& c, std::int64_t heads, const Weights& w);
  // bias: of AttentionTerms. [N,D] -> [R,D]
  Tensor operator()(const Tensor& x, const Tokens& tokens, const Tensor& bias, bool last) const;
  // What follows the attention, which made `mixed` of x: [N,D] -> [R,D]
  Tensor after(const Tensor& mixed, const Tensor& x, const Tokens& tokens, bool last) const;
};

struct BertEncoder {
  std::vector<BertLayer> layer;
  bool causal;
  BertEncoder(const BertConfig& c, const Weights& w);
  Tensor operator()(Tensor x, const Tokens& tokens) const;  // [N,D] -> [R,D]
};

}  // namespace hft
