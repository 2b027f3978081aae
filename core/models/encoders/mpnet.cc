// MPNet: BERT's layers with one table of relative position biases shared by every layer.
// Papers: arXiv:2004.09297, the biases arXiv:1910.10683. Checked against the configs of
// microsoft/mpnet-base and sentence-transformers/all-mpnet-base-v2.
// Shapes: N tokens of all sequences together, R of them wanted, D hidden, H heads.
#include "core/base/limits.h"
#include "core/models/architecture.h"
#include "core/models/encoders/roberta.h"
#include "core/nn/attention.h"
#include "core/nn/relative_bias.h"

namespace hft {
namespace {

constexpr std::int64_t kPadding = 1;                       // modeling_mpnet.py has it in the code
constexpr std::int64_t kBuckets = 32, kMaxDistance = 128;  // likewise, whatever config.json says

struct MpnetLayer {
  Linear query_key_value, o, intermediate, output;
  LayerNorm attention_norm, output_norm;
  std::int64_t heads;
  Activation activation;
  std::string path;
  MpnetLayer(const BertConfig& c, const Weights& w)
      : query_key_value(w / "attention" / "attn",
                        {{"q", c.hidden}, {"k", c.hidden}, {"v", c.hidden}}, c.hidden),
        o(w / "attention" / "attn" / "o", {c.hidden, c.hidden}),
        intermediate(w / "intermediate" / "dense", {c.ffn, c.hidden}),
        output(w / "output" / "dense", {c.hidden, c.ffn}),
        attention_norm(w / "attention" / "LayerNorm", c.hidden, c.eps),
        output_norm(w / "output" / "LayerNorm", c.hidden, c.eps),
        heads(c.heads),
        activation(c.activation),
        path(w.path()) {}
  Tensor operator()(const Tensor& x, const Tokens& tokens, const Tensor& bias, bool last) const {
    const Tensor mixed = attend(query_key_value(x), heads, tokens.seqs, {.bias = bias});  // [N,D]
    Tensor y = attention_norm(o(wanted(mixed, tokens, last)), wanted(x, tokens, last));
    y = output_norm(output(intermediate(y, activation)), y);
    tokens.note(path, y);
    return y;  // [R,D]
  }
};

struct MpNet {
  BertEmbeddings embeddings;
  RelativeBias relative_attention_bias;
  std::vector<MpnetLayer> layer;
  MpNet(const BertConfig& c, std::int64_t rows, const Weights& w)
      : embeddings(c, w / "embeddings", c.hidden),
        relative_attention_bias(w / "encoder" / "relative_attention_bias", c.heads,
                                {kBuckets, kMaxDistance, true, rows}) {
    for (std::int64_t i = 0; i < c.layers; ++i) layer.emplace_back(c, w / "encoder" / "layer" / i);
  }

  Tensor operator()(const Tokens& tokens) const {
    Tensor x = embeddings(tokens, positions_after_padding(tokens, kPadding));
    if (layer.empty()) return wanted(x, tokens, true);
    const Tensor biases = relative_attention_bias(tokens.seqs.longest());
    for (const auto& each : layer) x = each(x, tokens, biases, &each == &layer.back());
    return x;  // [R,D]
  }
};

TextNet build_mpnet(const Fields& config, const Weights& w, Head head) {
  BertConfig c(config);
  c.types = 0;
  const auto rows =
      config.integer("relative_attention_num_buckets", kBuckets, limits::kHidden, kBuckets);
  const MpNet mpnet(c, rows, w / "mpnet");
  TextNet net{.encode = mpnet,
              .vocab = c.vocab,
              .positions = c.positions - kPadding - 1,
              .hidden = c.hidden};
  switch (head) {
    case Head::kEmbed:
    case Head::kFeatures:
      (w / "mpnet" / "pooler").ignore();
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
          roberta_masked_lm(config, c, w / "lm_head", w / "mpnet" / "embeddings" / "word_embeddings");
      break;
  }
  return net;
}

}  // namespace

extern const Architecture mpnet{
    .types = {"mpnet"},
    .base = "mpnet",
    .heads = kEncoderHeads,
    .encoder = build_mpnet,
};

}  // namespace hft
