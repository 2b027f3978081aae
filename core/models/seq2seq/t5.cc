// T5 1.0 and 1.1, FLAN-T5 (arXiv:1910.10683, 2210.11416), mT5 (arXiv:2010.11934) and UMT5
// (arXiv:2304.09151): norms before each part, distances instead of positions, scores that are not
// scaled. Checked against the configs of google-t5/t5-small, google/flan-t5-base and
// google/umt5-small. Golden: tests/golden/t5-*.
// Shapes: N tokens of all sequences together, R of them wanted, D hidden, H heads, E head size,
// F feed-forward, V vocabulary.
#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/checkpoint/config.h"
#include "core/models/architecture.h"
#include "core/models/seq2seq_net.h"
#include "core/nn/attention.h"
#include "core/nn/embedding.h"
#include "core/nn/learning.h"
#include "core/nn/norm.h"
#include "core/nn/relative_bias.h"

namespace hft {
namespace {

enum class Kind { kT5, kMt5, kUmt5 };

struct T5Config {
  std::int64_t vocab, hidden, heads, size, ffn, layers, decoder_layers, buckets, farthest;
  double eps;
  bool gated, scaled;
  bool own_biases;  // each block has its own distances
  Activation activation;

  T5Config(const Fields& config, Kind kind)
      : vocab(config.integer("vocab_size", 1, limits::kVocab)),
        hidden(config.integer("d_model", 1, limits::kHidden)),
        heads(config.integer("num_heads", 1, limits::kHidden)),
        size(config.integer("d_kv", 1, limits::kHidden / heads)),
        ffn(config.integer("d_ff", 1, limits::kHidden)),
        layers(config.integer("num_layers", 0, limits::kLayers)),
        decoder_layers(config.integer("num_decoder_layers", 0, limits::kLayers, layers)),
        buckets(config.integer("relative_attention_num_buckets", 4, 1 << 16, 32)),
        farthest(config.integer("relative_attention_max_distance", 1, limits::kPositions, 128)),
        eps(config.real("layer_norm_epsilon", 0, 1, 1e-6)),
        scaled(config.boolean("tie_word_embeddings", kind != Kind::kMt5)),
        own_biases(kind == Kind::kUmt5) {
    // transformers 5 ties always, and says apart whether the decoder's outputs are scaled.
    if (is_version_5(config) && kind == Kind::kMt5) scaled = false;
    scaled = config.boolean("scale_decoder_outputs", scaled);
    const std::string feed =
        config.text("feed_forward_proj", kind == Kind::kT5 ? "relu" : "gated-gelu");
    gated = feed.starts_with("gated-");
    const std::string name = gated ? feed.substr(6) : feed;
    // The checkpoints of T5 1.1 say "gated-gelu" and mean its approximation.
    activation = activation_named(feed == "gated-gelu" ? "gelu_new" : name, config.where());
    if (farthest <= buckets / 2)
      fail(Errc::kBadData, config.where(), ": 'relative_attention_max_distance' is ", farthest,
           ", wanted more than half of the ", buckets, " of 'relative_attention_num_buckets'");
  }
  std::int64_t inner() const { return heads * size; }
};

// residual + product. In float16 the reference keeps this product, and what it is added to, in
// float32, because it overflows.
Tensor add_product(const Linear& wo, const Tensor& x, Tensor residual, at::ScalarType dtype) {
  return dtype == at::kHalf ? residual.to(at::kFloat) + wo.in_float(x)
                            : wo.plus(x, std::move(residual));
}

struct FeedForward {
  RmsNorm layer_norm;
  Linear wi, wo;
  Activation activation;
  at::ScalarType dtype;

  FeedForward(const T5Config& c, const Weights& w)
      : layer_norm(w / "layer_norm", c.hidden, c.eps),
        wo(w / "DenseReluDense" / "wo", {c.hidden, c.ffn}, false),
        activation(c.gated ? Activation::kNone : c.activation),
        dtype(w.store().dtype()) {
    const Weights dense = w / "DenseReluDense";
    if (c.gated)
      wi = Linear::gated(dense, {{{"wi_0", c.ffn}, {"wi_1", c.ffn}}}, c.hidden, c.activation);
    else
      wi = Linear(dense / "wi", {c.ffn, c.hidden}, false);
  }
  Tensor operator()(Tensor x) const {                    // [N,D] -> [N,D]
    const Tensor inner = wi(layer_norm(x), activation);  // [N,F]
    return within_half(add_product(wo, inner, std::move(x), dtype));
  }
};

struct SelfAttention {
  RmsNorm layer_norm;
  Linear qkv, o;
  SelfAttention(const T5Config& c, const Weights& w)
      : layer_norm(w / "layer_norm", c.hidden, c.eps),
        qkv(w / "SelfAttention", {{"q", c.inner()}, {"k", c.inner()}, {"v", c.inner()}}, c.hidden,
            false),
        o(w / "SelfAttention" / "o", {c.hidden, c.inner()}, false) {}
};

struct EncoderBlock {
  SelfAttention self;
  FeedForward feed;
  std::int64_t heads;
  std::string path;
  EncoderBlock(const T5Config& c, const Weights& w)
      : self(c, w / "layer" / 0), feed(c, w / "layer" / 1), heads(c.heads), path(w.path()) {}

  Tensor operator()(Tensor x, const Tokens& tokens, const Tensor& bias) const {
    const Tensor mixed = attend(self.qkv(self.layer_norm(x)), heads, tokens.seqs, {.bias = bias, .scale = 1.0});
    return feed(within_half(self.o.plus(mixed, std::move(x))));  // [N,D]
  }
};

struct DecoderBlock {
  SelfAttention self;
  RmsNorm cross_norm;
  Linear cross_q, cross_kv, cross_o;
  FeedForward feed;
  CausalAttention attention;
  std::string path;
  DecoderBlock(const T5Config& c, const Weights& w, std::int64_t layer)
      : self(c, w / "layer" / 0),
        cross_norm(w / "layer" / 1 / "layer_norm", c.hidden, c.eps),
        cross_q(w / "layer" / 1 / "EncDecAttention" / "q", {c.inner(), c.hidden}, false),
        cross_kv(w / "layer" / 1 / "EncDecAttention", {{"k", c.inner()}, {"v", c.inner()}},
                 c.hidden, false),
        cross_o(w / "layer" / 1 / "EncDecAttention" / "o", {c.hidden, c.inner()}, false),
        feed(c, w / "layer" / 2),
        attention{layer, c.heads, 1.0},
        path(w.path()) {
    // Some checkpoints have one, which the first of them did not use.
    (w / "layer" / 1 / "EncDecAttention" / "relative_attention_bias").ignore();
  }

  Tensor operator()(Tensor x, const Steps& steps, const Tensor& bias) const {
    Tensor mixed = attend_causal(self.qkv(self.layer_norm(x)), attention, steps, bias);
    x = within_half(self.o.plus(mixed, std::move(x)));
    mixed = attend_source(cross_q(cross_norm(x)), attention, steps);
    return feed(within_half(cross_o.plus(mixed, std::move(x))));  // [N,D]
  }
};

// The biases of a stack: those of its first block are those of all, but for UMT5.
struct Biases {
  std::vector<RelativeBias> of;

  Biases(const T5Config& c, const Weights& w, std::int64_t layers, bool both_ways) {
    for (std::int64_t i = 0; i < (c.own_biases ? layers : std::min<std::int64_t>(layers, 1)); ++i)
      of.emplace_back(w / "block" / i / "layer" / 0 / "SelfAttention" / "relative_attention_bias",
                      c.heads, RelativeBias::Buckets{c.buckets, c.farthest, both_ways});
  }
  // Of block i; `before` are those of the block before it.
  Tensor operator()(std::size_t i, std::int64_t tokens, Tensor before) const {
    return i < of.size() ? of[i](tokens) : before;
  }
};

struct T5Encoder {
  Embedding shared;
  std::vector<EncoderBlock> block;
  Biases bias;
  RmsNorm final_layer_norm;
  T5Encoder(const T5Config& c, const Weights& w, Embedding table)
      : shared(std::move(table)),
        bias(c, w, c.layers, true),
        final_layer_norm(w / "final_layer_norm", c.hidden, c.eps) {
    for (std::int64_t i = 0; i < c.layers; ++i) block.emplace_back(c, w / "block" / i);
  }
  Tensor operator()(const Tokens& tokens) const {
    Tensor x = dropped(jittered(shared(tokens.ids)), &Noise::embedding);  // [N,D]
    Tensor biases;
    for (std::size_t i = 0; i < block.size(); ++i) {
      biases = bias(i, tokens.seqs.longest(), biases);
      x = block[i](std::move(x), tokens, biases);
      tokens.note(block[i].path, x);
    }
    return dropped(final_layer_norm(x), &Noise::embedding);
  }
};

struct T5Decoder {
  Embedding shared;
  std::vector<DecoderBlock> block;
  Biases bias;
  RmsNorm final_layer_norm;
  double scale;  // of the last hidden states: tied embeddings are wider than a head's weights
  T5Decoder(const T5Config& c, const Weights& w, Embedding table)
      : shared(std::move(table)),
        bias(c, w, c.decoder_layers, false),
        final_layer_norm(w / "final_layer_norm", c.hidden, c.eps),
        scale(c.scaled ? 1 / std::sqrt(static_cast<double>(c.hidden)) : 1.0) {
    for (std::int64_t i = 0; i < c.decoder_layers; ++i) block.emplace_back(c, w / "block" / i, i);
  }
  Tensor operator()(const Steps& steps) const {
    Tensor x = dropped(jittered(shared(steps.ids)), &Noise::embedding);  // [N,D]
    Tensor biases;
    for (std::size_t i = 0; i < block.size(); ++i) {
      biases = bias(i, steps.longest() + kCacheBlock, biases);
      x = block[i](std::move(x), steps, biases);
      steps.note(block[i].path, x);
    }
    x = dropped(final_layer_norm(steps.wanted(x, true)), &Noise::embedding);  // [R,D]
    return scale == 1 ? x : x * scale;
  }
};

Seq2SeqNet build_t5(const Fields& config, const Weights& w, Kind kind) {
  const T5Config c(config, kind);
  const Weights model = w / "transformer";
  const Weights table =
      shared_table(model, {"shared", "encoder.embed_tokens", "decoder.embed_tokens"});
  const Embedding shared(table, c.vocab, c.hidden);
  const T5Encoder encoder(c, model / "encoder", shared);
  const T5Decoder decoder(c, model / "decoder", shared);
  const Linear lm_head =
      seq2seq_head(config, w, {c.vocab, c.hidden}, table, kind != Kind::kMt5);
  const std::vector<CacheLayer> cache(c.decoder_layers, {c.heads, c.size, 0});
  Seq2SeqNet net;
  net.encode = encoder;
  net.seen = [decoder](const Tensor& encoded, std::int64_t layer) {
    return decoder.block[layer].cross_kv(encoded);
  };
  net.sources = cache;
  net.source_vocab = c.vocab;
  net.source_positions = limits::kPositions;
  net.decoder = {.hidden = decoder,
                 .logits = lm_head,
                 .cache = cache,
                 .vocab = c.vocab,
                 .positions = limits::kPositions,
                 .size = c.hidden};
  return net;
}

Seq2SeqNet build_t5(const Fields& config, const Weights& w) {
  return build_t5(config, w, Kind::kT5);
}
Seq2SeqNet build_mt5(const Fields& config, const Weights& w) {
  return build_t5(config, w, Kind::kMt5);
}
Seq2SeqNet build_umt5(const Fields& config, const Weights& w) {
  return build_t5(config, w, Kind::kUmt5);
}

constexpr Head kT5Reading[] = {Head::kEmbed, Head::kFeatures, Head::kClassify, Head::kTokenClassify,
                               Head::kAnswer};

}  // namespace

extern const Architecture t5{
    .types = {"t5"},
    .base = "transformer",
    .heads = kT5Reading,
    .seq2seq = build_t5,
};

extern const Architecture mt5{
    .types = {"mt5"},
    .base = "transformer",
    .heads = kT5Reading,
    .seq2seq = build_mt5,
};

extern const Architecture umt5{
    .types = {"umt5"},
    .base = "transformer",
    .heads = kT5Reading,
    .seq2seq = build_umt5,
};

}  // namespace hft
