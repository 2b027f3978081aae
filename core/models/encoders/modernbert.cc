// ModernBERT: pre-norm layers with rotary positions and a gated feed-forward; in most of them a
// token sees its neighbours alone.
// Paper: arXiv:2412.13663. Checked against modeling_modernbert.py of transformers 4.57 and 5.24 and
// the configs of answerdotai/ModernBERT-base and Alibaba-NLP/gte-reranker-modernbert-base.
// Shapes: N tokens of all sequences together, R of them wanted, D hidden, H heads of E numbers.
#include <optional>

#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/checkpoint/config.h"
#include "core/models/architecture.h"
#include "core/nn/attention.h"
#include "core/nn/embedding.h"
#include "core/nn/norm.h"
#include "core/nn/rope.h"

namespace hft {
namespace {

struct ModernbertConfig {
  std::int64_t vocab, hidden, layers, heads, head_size, ffn, reach;
  Activation activation, classifier_activation;
  double eps;
  bool norm_bias, attention_bias, mlp_bias, classifier_bias;
  explicit ModernbertConfig(const Fields& config)
      : vocab(config.integer("vocab_size", 1, limits::kVocab)),
        hidden(config.integer("hidden_size", 1, limits::kHidden)),
        layers(config.integer("num_hidden_layers", 0, limits::kLayers)),
        heads(config.integer("num_attention_heads", 1, limits::kHidden)),
        head_size(hft::head_size(config, hidden, heads)),
        ffn(config.integer("intermediate_size", 1, limits::kHidden)),
        reach(config.integer("local_attention", 2, limits::kPositions, 128) / 2),
        activation(activation_named(config.text("hidden_activation", "gelu"), config.where())),
        classifier_activation(
            activation_named(config.text("classifier_activation", "gelu"), config.where())),
        eps(config.real("norm_eps", 0, 1, 1e-5)),
        norm_bias(config.boolean("norm_bias", false)),
        attention_bias(config.boolean("attention_bias", false)),
        mlp_bias(config.boolean("mlp_bias", false)),
        classifier_bias(config.boolean("classifier_bias", false)) {}
};

// How far a layer's tokens see to either side; 0: everywhere.
std::int64_t reach_of(const Fields& config, const ModernbertConfig& c, std::int64_t layer) {
  const auto every = config.integer("global_attn_every_n_layers", 1, limits::kLayers, 3);
  const auto slides = [every](std::int64_t i) { return i % every != 0; };
  return cache_layers(config, c.layers, {}, c.reach, slides)[layer].window;
}

// The rotary positions of layers that slide, or of the others: each kind has a theta of its own.
Rope modernbert_rope_of(const Fields& config, const ModernbertConfig& c, bool slides) {
  const std::string kind = slides ? "sliding_attention" : "full_attention";
  double theta = config.real("global_rope_theta", 1, 1e12, 160000);
  if (slides && (config.has("local_rope_theta") || !config.json().contains("local_rope_theta")))
    theta = config.real("local_rope_theta", 1, 1e12, 10000);
  const Fields own = config.object("rope_parameters").object(kind);
  Json layers = config_of_layers(config, kind).value_or(config).json();
  layers["rope_theta"] = own.real("rope_theta", 1, 1e12, theta);
  return Rope(Fields(std::move(layers), config.where()), c.head_size);
}

// The bias is of zeros where the checkpoint has none.
LayerNorm norm_at(const ModernbertConfig& c, const Weights& w) {
  if (c.norm_bias) return LayerNorm(w, c.hidden, c.eps);
  LayerNorm norm;
  norm.weight = w.small("weight", {c.hidden});
  norm.bias = at::zeros({c.hidden}, at::TensorOptions(w.store().dtype()).device(w.store().device()));
  norm.eps = c.eps;
  return norm;
}

struct Attention {
  Linear Wqkv, Wo;
  std::int64_t heads, head_size, reach;
  Attention(const ModernbertConfig& c, const Weights& w, std::int64_t reach)
      : Wqkv(w / "Wqkv", {3 * c.hidden, c.hidden}, c.attention_bias),
        Wo(w / "Wo", {c.hidden, c.hidden}, c.attention_bias),
        heads(c.heads),
        head_size(c.head_size),
        reach(reach) {}
  Tensor mixed(const Tensor& x, const Tensor& angles, const Sequences& seqs) const {
    Tensor qkv = Wqkv(x);  // [N, 3*H*E]
    Rope::rotate(qkv, angles, 2 * heads, head_size);
    return attend(qkv, heads, seqs, {.window = reach}).to(x.scalar_type());  // [N, H*E]
  }
};

struct Mlp {
  Linear Wi, Wo;
  Mlp(const ModernbertConfig& c, const Weights& w)
      : Wi(Linear::gated(w,
                         {{{"Wi", c.ffn, {.begin = 0, .of = 2 * c.ffn}},
                           {"Wi", c.ffn, {.begin = c.ffn, .of = 2 * c.ffn}}}},
                         c.hidden, c.activation, c.mlp_bias)),
        Wo(w / "Wo", {c.hidden, c.ffn}, c.mlp_bias) {}
};

struct ModernbertLayer {
  std::optional<LayerNorm> attn_norm;  // none in the first layer
  LayerNorm mlp_norm;
  Attention attn;
  Mlp mlp;
  std::string path;
  ModernbertLayer(const ModernbertConfig& c, const Weights& w, bool first, std::int64_t reach)
      : mlp_norm(norm_at(c, w / "mlp_norm")),
        attn(c, w / "attn", reach),
        mlp(c, w / "mlp"),
        path(w.path()) {
    if (!first) attn_norm = norm_at(c, w / "attn_norm");
  }
  Tensor operator()(Tensor x, const Tensor& angles, const Tokens& tokens, bool last) const {
    const Tensor mixed = attn.mixed(attn_norm ? (*attn_norm)(x) : x, angles, tokens.seqs);
    x = attn.Wo.plus(wanted(mixed, tokens, last), wanted(x, tokens, last));
    x = mlp.Wo.plus(mlp.Wi(mlp_norm(x)), x);
    tokens.note(path, x);
    return x;  // [R,D]
  }
};

struct ModernBert {
  Embedding tok_embeddings;
  LayerNorm norm, final_norm;
  std::vector<ModernbertLayer> layers;
  Rope full, sliding;
  std::string path;
  ModernBert(const Fields& config, const ModernbertConfig& c, const Weights& w)
      : tok_embeddings(w / "embeddings" / "tok_embeddings", c.vocab, c.hidden),
        norm(norm_at(c, w / "embeddings" / "norm")),
        final_norm(norm_at(c, w / "final_norm")),
        full(modernbert_rope_of(config, c, false)),
        sliding(modernbert_rope_of(config, c, true)),
        path((w / "embeddings").path()) {
    for (std::int64_t i = 0; i < c.layers; ++i)
      layers.emplace_back(c, w / "layers" / i, i == 0, reach_of(config, c, i));
  }

  Tensor operator()(const Tokens& tokens) const {
    const Tensor everywhere = full.angles(tokens.seqs), nearby = sliding.angles(tokens.seqs);
    Tensor x = norm(tok_embeddings(tokens.ids));  // [N,D]
    tokens.note(path, x);
    for (const auto& layer : layers)
      x = layer(x, layer.attn.reach > 0 ? nearby : everywhere, tokens, &layer == &layers.back());
    return final_norm(layers.empty() ? wanted(x, tokens, true) : x);  // [R,D]
  }
};

// head: dense, activation, norm.
struct PredictionHead {
  Linear dense;
  LayerNorm norm;
  Activation activation;
  PredictionHead(const ModernbertConfig& c, const Weights& w)
      : dense(w / "dense", {c.hidden, c.hidden}, c.classifier_bias),
        norm(norm_at(c, w / "norm")),
        activation(c.classifier_activation) {}
  Tensor operator()(const Tensor& x) const { return norm(dense(x, activation)); }
};

bool takes_mean(const Fields& config) {
  const std::string pooling = config.text("classifier_pooling", "cls");
  if (pooling != "cls" && pooling != "mean")
    fail(Errc::kBadData, config.where(), ": 'classifier_pooling' is '", pooling,
         "', wanted cls or mean");
  return pooling == "mean";
}

// The mean of each sequence's last hidden states, [B,D].
Tensor means(const ModernBert& encoder, Tokens tokens) {
  tokens.rows = Tensor();
  const Tensor hidden = encoder(tokens);  // [N,D]
  std::vector<Tensor> all;
  for (std::int64_t b = 0; b < tokens.seqs.count(); ++b)
    all.push_back(hidden.narrow(0, tokens.seqs.starts[b], tokens.seqs.length(b)).mean(0));
  return at::stack(all);
}

TextNet build_modernbert(const Fields& config, const Weights& w, Head head) {
  const ModernbertConfig c(config);
  const ModernBert model(config, c, w / "model");
  // Rotary positions go on past max_position_embeddings: the tokenizer says where texts are cut.
  TextNet net{.encode = model,
              .vocab = c.vocab,
              .positions = limits::kPositions,
              .hidden = c.hidden,
              .trained_positions = std::max(model.full.reach(), model.sliding.reach())};
  if (head == Head::kEmbed || head == Head::kFeatures) return net;
  if (head == Head::kClassify && takes_mean(config))
    net.encode = [model](const Tokens& tokens) { return means(model, tokens); };
  const std::array shape{
      head == Head::kMaskedLm ? c.vocab : head == Head::kAnswer ? 2 : label_count(config), c.hidden};
  net.head = [transform = PredictionHead(c, w / "head"),
              out = head == Head::kMaskedLm
                        ? language_head(config, w / "decoder", shape,
                                        {w / "model" / "embeddings" / "tok_embeddings", true},
                                        config.boolean("decoder_bias", true))
                        : Linear(w / "classifier", shape)](const Tensor& x) {
    return out(transform(x));
  };
  return net;
}

}  // namespace

extern const Architecture modernbert{
    .types = {"modernbert"},
    .base = "model",
    .heads = kEncoderHeads,
    .encoder = build_modernbert,
};

}  // namespace hft
