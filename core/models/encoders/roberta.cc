// RoBERTa: BERT's layers, with positions that start after the padding id and heads of its own.
// XLM-RoBERTa and CamemBERT differ in vocabulary alone.
// Papers: arXiv:1907.11692, XLM-R arXiv:1911.02116, CamemBERT arXiv:1911.03894. Checked against the
// configs of roberta-base, xlm-roberta-base and camembert-base.
#include "core/models/encoders/roberta.h"

#include "core/base/limits.h"
#include "core/models/architecture.h"

namespace hft {

Tensor positions_after_padding(const Tokens& tokens, std::int64_t padding) {
  const Tensor ids = tokens.ids.cpu();
  Tensor positions = at::empty_like(ids);  // [N]
  const auto* id = ids.const_data_ptr<std::int64_t>();
  auto* out = positions.data_ptr<std::int64_t>();
  for (std::int64_t b = 0; b < tokens.seqs.count(); ++b) {
    std::int64_t position = padding;
    for (auto i = tokens.seqs.starts[b]; i < tokens.seqs.starts[b + 1]; ++i)
      out[i] = id[i] == padding ? padding : ++position;
  }
  return positions.to(tokens.ids.device());
}

std::function<Tensor(const Tensor&)> roberta_classifier(const Fields& config, std::int64_t hidden,
                                                        const Weights& w) {
  Linear dense(w / "dense", {hidden, hidden});
  Linear out_proj(w / "out_proj", {label_count(config), hidden});
  return [=](const Tensor& x) { return out_proj(dense(x, Activation::kTanh)); };
}

std::function<Tensor(const Tensor&)> roberta_masked_lm(const Fields& config, const BertConfig& c,
                                                       const Weights& w, const Weights& table) {
  Linear dense(w / "dense", {c.hidden, c.hidden});
  LayerNorm norm(w / "layer_norm", c.hidden, c.eps);
  Linear decoder = vocabulary_product(config, w / "decoder", w, table, c.hidden);
  return [=](const Tensor& x) { return decoder(norm(dense(x, Activation::kGelu))); };
}

namespace {

struct Roberta {
  BertEmbeddings embeddings;
  BertEncoder encoder;
  std::int64_t padding;
  Roberta(const BertConfig& c, const Weights& w, std::int64_t padding)
      : embeddings(c, w / "embeddings", c.hidden), encoder(c, w / "encoder"), padding(padding) {}
  Tensor operator()(const Tokens& tokens) const {
    return encoder(embeddings(tokens, positions_after_padding(tokens, padding)), tokens);
  }
};

TextNet build_roberta(const Fields& config, const Weights& w, Head head) {
  const BertConfig c(config);
  const auto padding = config.integer("pad_token_id", 0, c.positions - 1, 1);
  const Roberta roberta(c, w / "roberta", padding);
  TextNet net{.encode = roberta,
              .vocab = c.vocab,
              .types = c.types,
              .positions = c.positions - padding - 1,
              .hidden = c.hidden};
  switch (head) {
    case Head::kEmbed:
    case Head::kFeatures:
      (w / "roberta" / "pooler").ignore();
      break;
    case Head::kClassify:
      net.head = roberta_classifier(config, c.hidden, w / "classifier");
      break;
    case Head::kTokenClassify:
      net.head = linear_head(w / "classifier", label_count(config), c.hidden);
      break;
    case Head::kAnswer:
      net.head = linear_head(w / "qa_outputs", 2, c.hidden);
      break;
    case Head::kMaskedLm:
      net.head =
          roberta_masked_lm(config, c, w / "lm_head", w / "roberta" / "embeddings" / "word_embeddings");
      break;
  }
  return net;
}

}  // namespace

extern const Architecture roberta{
    .types = {"roberta", "xlm-roberta", "camembert"},
    .base = "roberta",
    .heads = kEncoderHeads,
    .encoder = build_roberta,
    .takes_pruned = true,
};

}  // namespace hft
