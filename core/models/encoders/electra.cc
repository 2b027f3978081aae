// ELECTRA: BERT's layers over embeddings that may be narrower than the hidden states.
// Paper: arXiv:2003.10555. Checked against the configs of google/electra-small-discriminator and
// google/electra-base-generator.
// Shapes: N tokens of all sequences together, S embedding size, D hidden.
#include "core/base/limits.h"
#include "core/models/architecture.h"
#include "core/models/encoders/bert.h"

namespace hft {
namespace {

struct Electra {
  BertEmbeddings embeddings;
  std::optional<Linear> embeddings_project;
  BertEncoder encoder;
  Electra(const BertConfig& c, std::int64_t size, const Weights& w)
      : embeddings(c, w / "embeddings", size), encoder(c, w / "encoder") {
    if (size != c.hidden)
      embeddings_project.emplace(w / "embeddings_project", std::array{c.hidden, size});
  }
  Tensor operator()(const Tokens& tokens) const {
    Tensor x = embeddings(tokens, tokens.seqs.positions());  // [N,S]
    if (embeddings_project) x = (*embeddings_project)(x);    // [N,D]
    return encoder(std::move(x), tokens);
  }
};

TextNet build_electra(const Fields& config, const Weights& w, Head head) {
  const BertConfig c(config);
  const auto size = config.integer("embedding_size", 1, limits::kHidden, 128);
  const Electra electra(c, size, w / "electra");
  TextNet net{.encode = electra,
              .vocab = c.vocab,
              .types = c.types,
              .positions = c.positions,
              .hidden = c.hidden};
  switch (head) {
    case Head::kEmbed:
    case Head::kFeatures:
      break;
    case Head::kClassify: {
      // The activation is gelu whatever hidden_act says, as in modeling_electra.py.
      Linear dense(w / "classifier" / "dense", {c.hidden, c.hidden});
      Linear out_proj(w / "classifier" / "out_proj", {label_count(config), c.hidden});
      net.head = [=](const Tensor& x) { return out_proj(dense(x, Activation::kGelu)); };
      break;
    }
    case Head::kTokenClassify:
      net.head = linear_head(w / "classifier", label_count(config), c.hidden);
      break;
    case Head::kAnswer:
      net.head = linear_head(w / "qa_outputs", 2, c.hidden);
      break;
    case Head::kMaskedLm: {
      Linear dense(w / "generator_predictions" / "dense", {size, c.hidden});
      LayerNorm norm(w / "generator_predictions" / "LayerNorm", size, c.eps);
      Linear lm_head = vocabulary_product(config, w / "generator_lm_head", w / "generator_lm_head",
                                          w / "electra" / "embeddings" / "word_embeddings", size);
      net.head = [=](const Tensor& x) { return lm_head(norm(dense(x, Activation::kGelu))); };
      break;
    }
  }
  return net;
}

}  // namespace

extern const Architecture electra{
    .types = {"electra"},
    .base = "electra",
    .heads = kEncoderHeads,
    .encoder = build_electra,
    .takes_pruned = true,
};

}  // namespace hft
