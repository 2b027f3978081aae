// LayoutLM: BERT that also reads where on its page each token stands.
// Paper: arXiv:1912.13318. Checked against the configs of impira/layoutlm-document-qa, whose
// tokenizer and norm are RoBERTa's while its positions begin at 0, and of
// microsoft/layoutlm-base-uncased. Golden: tests/golden/layoutlm-*. Shapes: N tokens of all
// sequences together, D hidden.
#include "core/base/limits.h"
#include "core/models/architecture.h"
#include "core/models/encoders/bert.h"

namespace hft {
namespace {

struct PageEmbeddings {
  Embedding word_embeddings, position_embeddings, x_position_embeddings, y_position_embeddings,
      h_position_embeddings, w_position_embeddings, token_type_embeddings;
  LayerNorm norm;
  std::string path;

  PageEmbeddings(const BertConfig& c, std::int64_t places, const Weights& w)
      : word_embeddings(w / "word_embeddings", c.vocab, c.hidden),
        position_embeddings(w / "position_embeddings", c.positions, c.hidden),
        x_position_embeddings(w / "x_position_embeddings", places, c.hidden),
        y_position_embeddings(w / "y_position_embeddings", places, c.hidden),
        h_position_embeddings(w / "h_position_embeddings", places, c.hidden),
        w_position_embeddings(w / "w_position_embeddings", places, c.hidden),
        token_type_embeddings(w / "token_type_embeddings", c.types, c.hidden),
        norm(w / "LayerNorm", c.hidden, c.eps),
        path(w.path()) {}

  Tensor operator()(const Tokens& tokens) const {  // -> [N,D]
    const Tensor none = at::zeros_like(tokens.ids);
    const auto side = [&](std::int64_t i) {
      return tokens.boxes.defined() ? tokens.boxes.select(1, i) : none;
    };
    const Tensor left = side(0), upper = side(1), right = side(2), lower = side(3);
    Tensor x = word_embeddings(tokens.ids) + position_embeddings(tokens.seqs.positions());
    x.add_(x_position_embeddings(left)).add_(y_position_embeddings(upper));
    x.add_(x_position_embeddings(right)).add_(y_position_embeddings(lower));
    x.add_(h_position_embeddings(lower - upper)).add_(w_position_embeddings(right - left));
    x = norm(x, token_type_embeddings(tokens.type_ids.defined() ? tokens.type_ids : none));
    tokens.note(path, x);
    return x;
  }
};

struct LayoutLm {
  PageEmbeddings embeddings;
  BertEncoder encoder;
  LayoutLm(const BertConfig& c, std::int64_t places, const Weights& w)
      : embeddings(c, places, w / "embeddings"), encoder(c, w / "encoder") {}
  Tensor operator()(const Tokens& tokens) const { return encoder(embeddings(tokens), tokens); }
};

TextNet build_layoutlm(const Fields& config, const Weights& w, Head) {
  const BertConfig c(config);
  const auto places = config.integer("max_2d_position_embeddings", 1, limits::kPositions, 1024);
  const Weights at = w / "layoutlm";
  (at / "pooler").ignore();
  return {.encode = LayoutLm(c, places, at),
          .head = linear_head(w / "qa_outputs", 2, c.hidden),
          .vocab = c.vocab,
          .types = c.types,
          .positions = c.positions,
          .places = places,
          .hidden = c.hidden};
}

constexpr Head kLayoutlmHeads[] = {Head::kAnswer};

}  // namespace

extern const Architecture layoutlm{
    .types = {"layoutlm"},
    .base = "layoutlm",
    .heads = kLayoutlmHeads,
    .encoder = build_layoutlm,
    .reads_pages = true,
};

}  // namespace hft
