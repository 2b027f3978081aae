// Scaled dot-product attention inside each sequence of a ragged batch (arXiv:1706.03762).
#pragma once

#include "core/nn/sequences.h"
#include "core/nn/steps.h"

namespace hft {

// What attention inside sequences has beside its heads.
struct AttentionTerms {
  // Added to the scaled scores: undefined; [H, M, M] with M at least the longest sequence; or
  // [H, 2 M - 1] by the position of the key less that of the query, from -(M - 1) on.
  Tensor bias = {};
  Tensor gates = {};        // [N, H]: what each query's bias is multiplied by; undefined: 1
  double scale = 0;         // of the scores; 0: 1 / sqrt(E)
  std::int64_t window = 0;  // a token sees those at most so far before and after it; 0: all
};

// The bias, by position, with which a token sees none after it.
Tensor causal_bias(std::int64_t heads, std::int64_t tokens);  // [H, 2 tokens - 1]

// softmax(scale Q K^T + bias) V, each token seeing only tokens of its own sequence. qkv [N, 3*H*E]:
// queries, keys and values side by side. Returns [N, H*E].
Tensor attend(const Tensor& qkv, std::int64_t heads, const Sequences& seqs,
              const AttentionTerms& terms = {});

// The same where each sequence has a bias of its own.
Tensor attend_apart(const Tensor& qkv, std::int64_t heads, const Sequences& seqs,
                    const std::vector<Tensor>& biases);

// queries [N, H*E] and keys_values [K, 2*H*E], keys and values side by side: the queries of each
// sequence see the keys of the same sequence. biases: of the scores, one [queries, keys] for each
// sequence, the same for all heads; empty: none. Returns [N, H*E].
Tensor attend_across(const Tensor& queries, const Tensor& keys_values, std::int64_t heads,
                     const Sequences& of_queries, const Sequences& of_keys,
                     const std::vector<Tensor>& biases = {});

// How a decoder's layer attends: H query heads of E numbers share the cache's key/value heads.
struct CausalAttention {
  std::int64_t layer = 0;  // of the cache
  std::int64_t heads = 0;
  double scale = 0;    // of the scores, 1 / sqrt(E)
  double softcap = 0;  // cap tanh(score / cap); 0: none
  // [H] float32: the score of a place without a value that every token of a head sees beside the
  // positions (attention sinks); undefined: there is none.
  Tensor sinks = {};
};

// qkv [N, (H + 2 K) * E]: queries, keys and values side by side, positions already in them. The
// keys and values are cached; each token sees its sequence's positions up to its own, within the
// layer's window. bias: undefined, or [H, 2 M - 1] as attend()'s with M at least kCacheBlock more
// than the longest sequence (only where K = H). Returns [N, H*E].
Tensor attend_causal(const Tensor& qkv, const CausalAttention& attention, const Steps& steps,
                     const Tensor& bias = {});

// queries [N, H*E]: each token sees all that is kept of its sequence's source text in the layer of
// steps.sources. Sequences of one source that follow each other are computed together.
Tensor attend_source(const Tensor& queries, const CausalAttention& attention, const Steps& steps);

// The weights with which one head of queries [T, H*E] sees the positions kept of a source in a
// layer: [T, S] float32.
struct OneSource {
  const KvCache& sources;
  std::int64_t layer;
  int source;
};
Tensor source_weights(const Tensor& queries, std::int64_t head, const OneSource& seen);

}  // namespace hft
