// DistilBERT: BERT without token types and pooler, half as deep.
// Paper: arXiv:1910.01108. Checked against the configs of distilbert-base-uncased,
// distilbert-base-uncased-finetuned-sst-2-english and distilbert-base-cased-distilled-squad.
// Shapes: N tokens of all sequences together, R of them wanted, D hidden, H heads, F feed-forward.
#include "core/base/limits.h"
#include "core/models/architecture.h"
#include "core/models/text_net.h"
#include "core/nn/attention.h"
#include "core/nn/embedding.h"
#include "core/nn/learning.h"
#include "core/nn/norm.h"

namespace hft {
namespace {

constexpr double kEps = 1e-12;  // modeling_distilbert.py has it in the code, config.json has no key

struct DistilbertConfig {
  std::int64_t vocab, dim, layers, heads, ffn, positions;
  Activation activation;
  explicit DistilbertConfig(const Fields& config)
      : vocab(config.integer("vocab_size", 1, limits::kVocab)),
        dim(config.integer("dim", 1, limits::kHidden)),
        layers(config.integer("n_layers", 0, limits::kLayers)),
        heads(config.integer("n_heads", 1, limits::kHidden)),
        ffn(config.integer("hidden_dim", 1, limits::kHidden)),
        positions(config.integer("max_position_embeddings", 1, limits::kPositions, 512)),
        activation(activation_named(config.text("activation", "gelu"), config.where())) {
    head_size(config, dim, heads);
  }
};

struct DistilbertLayer {
  Linear query_key_value, out_lin, lin1, lin2;
  LayerNorm sa_layer_norm, output_layer_norm;
  std::int64_t heads;
  Activation activation;
  std::string path;
  DistilbertLayer(const DistilbertConfig& c, std::int64_t heads, const Weights& w)
      : query_key_value(w / "attention",
                        {{"q_lin", c.dim / c.heads * heads},
                         {"k_lin", c.dim / c.heads * heads},
                         {"v_lin", c.dim / c.heads * heads}},
                        c.dim),
        out_lin(w / "attention" / "out_lin", {c.dim, c.dim / c.heads * heads}),
        lin1(w / "ffn" / "lin1", {c.ffn, c.dim}),
        lin2(w / "ffn" / "lin2", {c.dim, c.ffn}),
        sa_layer_norm(w / "sa_layer_norm", c.dim, kEps),
        output_layer_norm(w / "output_layer_norm", c.dim, kEps),
        heads(heads),
        activation(c.activation),
        path(w.path()) {}
  Tensor operator()(const Tensor& x, const Tokens& tokens, bool last) const {
    const Tensor mixed = attend(query_key_value(x), heads, tokens.seqs);  // [N,D]
    Tensor y = sa_layer_norm(out_lin(wanted(mixed, tokens, last)), wanted(x, tokens, last));
    y = output_layer_norm(lin2(lin1(y, activation)), y);
    tokens.note(path, y);
    return y;  // [R,D]
  }
};

// Sinusoids are not trained.
Embedding positions_of(const DistilbertConfig& c, const Fields& config, const Weights& w) {
  Embedding positions;
  positions.dtype = w.store().dtype();
  positions.weight = config.boolean("sinusoidal_pos_embds", false)
                         ? w.buffer("weight", {c.positions, c.dim})
                         : w.get("weight", {c.positions, c.dim});
  return positions;
}

struct DistilBert {
  Embedding word_embeddings, position_embeddings;
  LayerNorm norm;
  std::vector<DistilbertLayer> layer;
  DistilBert(const DistilbertConfig& c, const Fields& config, const Weights& w)
      : word_embeddings(w / "embeddings" / "word_embeddings", c.vocab, c.dim),
        position_embeddings(positions_of(c, config, w / "embeddings" / "position_embeddings")),
        norm(w / "embeddings" / "LayerNorm", c.dim, kEps) {
    for (std::int64_t i = 0; i < c.layers; ++i)
      layer.emplace_back(c, heads_left(config, i, c.heads), w / "transformer" / "layer" / i);
  }
  Tensor operator()(const Tokens& tokens) const {
    Tensor x = dropped(
        norm(jittered(word_embeddings(tokens.ids)), position_embeddings(tokens.seqs.positions())),
        &Noise::embedding);
    tokens.note("distilbert.embeddings", x);
    if (layer.empty()) return wanted(x, tokens, true);
    for (const auto& each : layer) x = through(each, x, tokens, &each == &layer.back());
    return x;  // [R,D]
  }
};

TextNet build_distilbert(const Fields& config, const Weights& w, Head head) {
  const DistilbertConfig c(config);
  const DistilBert distilbert(c, config, w / "distilbert");
  TextNet net{.encode = distilbert, .vocab = c.vocab, .positions = c.positions, .hidden = c.dim};
  switch (head) {
    case Head::kEmbed:
    case Head::kFeatures:
      break;
    case Head::kClassify: {
      Linear pre_classifier(w / "pre_classifier", {c.dim, c.dim});
      Linear classifier(w / "classifier", {label_count(config), c.dim});
      net.head = [=](const Tensor& x) { return classifier(pre_classifier(x, Activation::kRelu)); };
      break;
    }
    case Head::kTokenClassify:
      net.head = linear_head(w / "classifier", label_count(config), c.dim);
      break;
    case Head::kAnswer:
      net.head = linear_head(w / "qa_outputs", 2, c.dim);
      break;
    case Head::kMaskedLm: {
      Linear transform(w / "vocab_transform", {c.dim, c.dim});
      LayerNorm norm(w / "vocab_layer_norm", c.dim, kEps);
      Linear projector =
          vocabulary_product(config, w / "vocab_projector", w / "vocab_projector",
                             w / "distilbert" / "embeddings" / "word_embeddings", c.dim);
      net.head = [=](const Tensor& x) { return projector(norm(transform(x, c.activation))); };
      break;
    }
  }
  return net;
}

}  // namespace

extern const Architecture distilbert{
    .types = {"distilbert"},
    .base = "distilbert",
    .heads = kEncoderHeads,
    .encoder = build_distilbert,
    .takes_pruned = true,
};

}  // namespace hft
