// ALBERT: BERT with narrow embeddings, and layers that share their weights.
// Paper: arXiv:1909.11942. Checked against the configs of albert-base-v1, albert-base-v2 and
// albert-xxlarge-v2.
// Shapes: N tokens of all sequences together, R of them wanted, D hidden, H heads, F feed-forward.
#include "core/base/limits.h"
#include "core/models/architecture.h"
#include "core/models/encoders/bert.h"
#include "core/nn/attention.h"

namespace hft {
namespace {

struct AlbertConfig : BertConfig {
  std::int64_t embedding, groups, inner;
  explicit AlbertConfig(const Fields& config)
      : BertConfig(config),
        embedding(config.integer("embedding_size", 1, limits::kHidden, 128)),
        groups(config.integer("num_hidden_groups", 1, limits::kLayers, 1)),
        inner(config.integer("inner_group_num", 1, limits::kLayers, 1)) {
    activation = activation_named(config.text("hidden_act", "gelu_new"), config.where());
  }
};

struct AlbertLayer {
  Linear query_key_value, dense, ffn, ffn_output;
  LayerNorm attention_norm, full_layer_layer_norm;
  std::int64_t heads;
  Activation activation;
  std::string path;
  AlbertLayer(const AlbertConfig& c, const Weights& w)
      : query_key_value(w / "attention",
                        {{"query", c.hidden}, {"key", c.hidden}, {"value", c.hidden}}, c.hidden),
        dense(w / "attention" / "dense", {c.hidden, c.hidden}),
        ffn(w / "ffn", {c.ffn, c.hidden}),
        ffn_output(w / "ffn_output", {c.hidden, c.ffn}),
        attention_norm(w / "attention" / "LayerNorm", c.hidden, c.eps),
        full_layer_layer_norm(w / "full_layer_layer_norm", c.hidden, c.eps),
        heads(c.heads),
        activation(c.activation),
        path(w.path()) {}
  Tensor operator()(const Tensor& x, const Tokens& tokens, bool last) const {
    const Tensor mixed = attend(query_key_value(x), heads, tokens.seqs);  // [N,D]
    Tensor y = attention_norm(dense(wanted(mixed, tokens, last)), wanted(x, tokens, last));
    y = full_layer_layer_norm(ffn_output(ffn(y, activation)), y);
    tokens.note(path, y);
    return y;  // [R,D]
  }
};

struct Albert {
  BertEmbeddings embeddings;
  Linear embedding_hidden_mapping_in;
  std::vector<std::vector<AlbertLayer>> groups;
  std::int64_t layers;
  Albert(const AlbertConfig& c, const Weights& w)
      : embeddings(c, w / "embeddings", c.embedding),
        embedding_hidden_mapping_in(w / "encoder" / "embedding_hidden_mapping_in",
                                    {c.hidden, c.embedding}),
        groups(c.groups),
        layers(c.layers) {
    for (std::int64_t g = 0; g < c.groups; ++g)
      for (std::int64_t i = 0; i < c.inner; ++i)
        groups[g].emplace_back(c, w / "encoder" / "albert_layer_groups" / g / "albert_layers" / i);
  }

  // In floating point, as the reference divides: it decides where the groups are not of one size.
  const std::vector<AlbertLayer>& group_of(std::int64_t layer) const {
    const double each = static_cast<double>(layers) / static_cast<double>(groups.size());
    return groups[static_cast<std::size_t>(static_cast<double>(layer) / each)];
  }

  Tensor operator()(const Tokens& tokens) const {
    Tensor x = embedding_hidden_mapping_in(embeddings(tokens, tokens.seqs.positions()));  // [N,D]
    if (layers == 0) return wanted(x, tokens, true);
    for (std::int64_t i = 0; i < layers; ++i) {
      const auto& group = group_of(i);
      for (const auto& each : group) x = each(x, tokens, i == layers - 1 && &each == &group.back());
    }
    return x;  // [R,D]
  }
};

TextNet build_albert(const Fields& config, const Weights& w, Head head) {
  const AlbertConfig c(config);
  const Albert albert(c, w / "albert");
  const Weights pooler = w / "albert" / "pooler";
  TextNet net{.encode = albert,
              .vocab = c.vocab,
              .types = c.types,
              .positions = c.positions,
              .hidden = c.hidden};
  switch (head) {
    case Head::kEmbed:
    case Head::kFeatures:
      pooler.ignore();
      break;
    case Head::kClassify: {
      const Linear dense(pooler, {c.hidden, c.hidden});
      const Linear classifier(w / "classifier", {label_count(config), c.hidden});
      net.head = [=](const Tensor& x) { return classifier(dense(x, Activation::kTanh)); };
      break;
    }
    case Head::kTokenClassify:
      net.head = linear_head(w / "classifier", label_count(config), c.hidden);
      break;
    case Head::kAnswer:
      net.head = linear_head(w / "qa_outputs", 2, c.hidden);
      break;
    case Head::kMaskedLm: {
      const Weights at = w / "predictions";
      const Linear dense(at / "dense", {c.embedding, c.hidden});
      const LayerNorm norm(at / "LayerNorm", c.embedding, c.eps);
      const Linear decoder =
          vocabulary_product(config, at / "decoder", at,
                             w / "albert" / "embeddings" / "word_embeddings", c.embedding);
      net.head = [=](const Tensor& x) { return decoder(norm(dense(x, c.activation))); };
      break;
    }
  }
  return net;
}

}  // namespace

extern const Architecture albert{
    .types = {"albert"},
    .base = "albert",
    .heads = kEncoderHeads,
    .encoder = build_albert,
};

}  // namespace hft
