// BERT: a bidirectional encoder with learned positions, normalised after each residual sum.
// Paper: arXiv:1810.04805. Checked against the configs of bert-base-uncased,
// dbmdz/bert-large-cased-finetuned-conll03-english and sentence-transformers/all-MiniLM-L6-v2.
// Shapes: N tokens of all sequences together, R of them wanted, D hidden, H heads, F feed-forward.
#include "core/models/encoders/bert.h"

#include "core/base/limits.h"
#include "core/models/architecture.h"
#include "core/nn/attention.h"
#include "core/nn/learning.h"

namespace hft {

BertConfig::BertConfig(const Fields& config, std::int64_t default_types)
    : vocab(config.integer("vocab_size", 1, limits::kVocab)),
      hidden(config.integer("hidden_size", 1, limits::kHidden)),
      layers(config.integer("num_hidden_layers", 0, limits::kLayers)),
      heads(config.integer("num_attention_heads", 1, limits::kHidden)),
      ffn(config.integer("intermediate_size", 1, limits::kHidden)),
      positions(config.integer("max_position_embeddings", 1, limits::kPositions, 512)),
      types(config.integer("type_vocab_size", 0, limits::kVocab, default_types)),
      activation(activation_named(config.text("hidden_act", "gelu"), config.where())),
      eps(config.real("layer_norm_eps", 0, 1, 1e-12)),
      causal(config.boolean("is_decoder", false)) {
  head_size(config, hidden, heads);
  for (std::int64_t i = 0; i < layers; ++i) heads_left.push_back(hft::heads_left(config, i, heads));
  need_absolute_positions(config);
}

BertEmbeddings::BertEmbeddings(const BertConfig& c, const Weights& w, std::int64_t size)
    : word_embeddings(w / "word_embeddings", c.vocab, size),
      position_embeddings(w / "position_embeddings", c.positions, size),
      norm(w / "LayerNorm", size, c.eps),
      path(w.path()) {
  if (c.types > 0) token_type_embeddings = {w / "token_type_embeddings", c.types, size};
}

Tensor BertEmbeddings::operator()(const Tokens& tokens, const Tensor& positions,
                                  const Tensor& more) const {
  Tensor x = jittered(word_embeddings(tokens.ids));  // [N,D]
  if (token_type_embeddings.weight.defined())
    x.add_(tokens.type_ids.defined() ? token_type_embeddings(tokens.type_ids)
                                     : token_type_embeddings(at::zeros({1}, tokens.ids.options())));
  if (more.defined()) x.add_(more);
  x = dropped(norm(x, position_embeddings(positions)), &Noise::embedding);
  tokens.note(path, x);
  return x;
}

BertLayer::BertLayer(const BertConfig& c, std::int64_t heads, const Weights& w)
    : query_key_value(w / "attention" / "self",
                      {{"query", c.hidden / c.heads * heads},
                       {"key", c.hidden / c.heads * heads},
                       {"value", c.hidden / c.heads * heads}},
                      c.hidden),
      attention_output(w / "attention" / "output" / "dense",
                       {c.hidden, c.hidden / c.heads * heads}),
      intermediate(w / "intermediate" / "dense", {c.ffn, c.hidden}),
      output(w / "output" / "dense", {c.hidden, c.ffn}),
      attention_norm(w / "attention" / "output" / "LayerNorm", c.hidden, c.eps),
      output_norm(w / "output" / "LayerNorm", c.hidden, c.eps),
      heads(heads),
      activation(c.activation),
      path(w.path()) {}

Tensor BertLayer::operator()(const Tensor& x, const Tokens& tokens, const Tensor& bias,
                             bool last) const {
  return after(attend(query_key_value(x), heads, tokens.seqs, {.bias = bias}), x, tokens, last);
}

Tensor BertLayer::after(const Tensor& mixed, const Tensor& x, const Tokens& tokens,
                        bool last) const {
  Tensor y = attention_norm(attention_output(wanted(mixed, tokens, last)), wanted(x, tokens, last));
  y = output_norm(output(intermediate(y, activation)), y);
  tokens.note(path, y);
  return y;  // [R,D]
}

BertEncoder::BertEncoder(const BertConfig& c, const Weights& w) : causal(c.causal) {
  for (std::int64_t i = 0; i < c.layers; ++i)
    layer.emplace_back(c, c.heads_left[i], w / "layer" / i);
}

Tensor BertEncoder::operator()(Tensor x, const Tokens& tokens) const {
  if (layer.empty()) return wanted(x, tokens, true);
  for (const auto& each : layer) {
    const Tensor bias = causal ? causal_bias(each.heads, tokens.seqs.longest()) : Tensor();
    x = through(each, x, tokens, bias, &each == &layer.back());
  }
  return x;
}

namespace {

struct Bert {
  BertEmbeddings embeddings;
  BertEncoder encoder;
  Bert(const BertConfig& c, const Weights& w)
      : embeddings(c, w / "embeddings", c.hidden), encoder(c, w / "encoder") {}
  Tensor operator()(const Tokens& tokens) const {
    return encoder(embeddings(tokens, tokens.seqs.positions()), tokens);
  }
};

// cls.predictions: dense, activation, norm, then the tied product.
std::function<Tensor(const Tensor&)> bert_masked_lm(const Fields& config, const BertConfig& c,
                                                    const Weights& w, const Weights& table) {
  const Weights transform = w / "transform";
  Linear dense(transform / "dense", {c.hidden, c.hidden});
  LayerNorm norm(transform / "LayerNorm", c.hidden, c.eps);
  Linear decoder = vocabulary_product(config, w / "decoder", w, table, c.hidden);
  return [=](const Tensor& x) { return decoder(norm(dense(x, c.activation))); };
}

TextNet build_bert(const Fields& config, const Weights& w, Head head) {
  const BertConfig c(config);
  const Bert bert(c, w / "bert");
  TextNet net{.encode = bert,
              .vocab = c.vocab,
              .types = c.types,
              .positions = c.positions,
              .hidden = c.hidden};
  switch (head) {
    case Head::kEmbed:
    case Head::kFeatures:
      (w / "bert" / "pooler").ignore();
      break;
    case Head::kClassify: {
      Linear pooler(w / "bert" / "pooler" / "dense", {c.hidden, c.hidden});
      Linear classifier(w / "classifier", {label_count(config), c.hidden});
      net.head = [=](const Tensor& x) { return classifier(pooler(x, Activation::kTanh)); };
      break;
    }
    case Head::kTokenClassify:
      net.head = linear_head(w / "classifier", label_count(config), c.hidden);
      break;
    case Head::kAnswer:
      net.head = linear_head(w / "qa_outputs", 2, c.hidden);
      break;
    case Head::kMaskedLm:
      net.head = bert_masked_lm(config, c, w / "cls" / "predictions",
                                w / "bert" / "embeddings" / "word_embeddings");
      break;
  }
  return net;
}

}  // namespace

extern const Architecture bert{
    .types = {"bert"},
    .base = "bert",
    .heads = kEncoderHeads,
    .encoder = build_bert,
    .takes_pruned = true,
};

}  // namespace hft
