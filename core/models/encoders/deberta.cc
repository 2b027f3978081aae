// DeBERTa: BERT's layers with disentangled attention, whose positions are relative ones; v2 and v3
// let far distances share theirs and may add a convolution after the first layer.
// Papers: arXiv:2006.03654, v3 arXiv:2111.09543. Checked against the configs of
// microsoft/deberta-base, microsoft/deberta-v2-xlarge and microsoft/deberta-v3-base.
// Shapes: N tokens of all sequences together, R of them wanted, D hidden, H heads, F feed-forward.
#include <algorithm>
#include <cmath>
#include <optional>

#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/base/text.h"
#include "core/models/architecture.h"
#include "core/models/encoders/bert.h"
#include "core/nn/conv.h"
#include "core/nn/disentangled_attention.h"
#include "core/nn/learning.h"

namespace hft {
namespace {

// A list in JSON, or its parts with "|" between them.
std::vector<std::string> parts_of(const Fields& config, std::string_view key) {
  const Json* field = config.find(key);
  std::vector<std::string> words;
  if (field && field->is_array()) {
    for (const Json& word : *field)
      if (word.is_string()) words.push_back(word.get<std::string>());
  } else if (config.has(key)) {
    for (const auto& word : split(lowercase(config.text(key)), '|'))
      words.push_back(trimmed(word));
  }
  return words;
}

struct DebertaConfig : BertConfig {
  std::int64_t embedding;
  bool biased_input, relative, keys, queries;  // keys: "c2p", queries: "p2c" of pos_att_type
  RelativeRows rows;
  double terms;  // of a score
  // Of v2 alone.
  bool share_att_key = false, norm_rel_ebd = false;
  std::int64_t conv_kernel = 0;
  Activation conv_activation = Activation::kTanh;

  explicit DebertaConfig(const Fields& config)
      : BertConfig(config, 0),
        embedding(config.integer("embedding_size", 1, limits::kHidden, hidden)),
        biased_input(config.boolean("position_biased_input", true)),
        relative(config.boolean("relative_attention", false)) {
    eps = config.real("layer_norm_eps", 0, 1, 1e-7);
    const auto words = parts_of(config, "pos_att_type");
    keys = std::ranges::count(words, "c2p") > 0;
    queries = std::ranges::count(words, "p2c") > 0;
    terms = 1 + static_cast<double>(words.size());
    const auto most = config.integer("max_relative_positions", -1, limits::kPositions, -1);
    rows.span = rows.farthest = most < 1 ? positions : most;
    if (config.boolean("talking_head", false))
      fail(Errc::kUnsupported, config.where(), ": talking_head is not supported, wanted false");
  }
};

DebertaConfig deberta_v2_config(const Fields& config) {
  DebertaConfig c(config);
  c.terms = 1.0 + c.keys + c.queries;
  const auto buckets = config.integer("position_buckets", -1, limits::kPositions, -1);
  if (buckets > 0) c.rows.span = c.rows.buckets = buckets;
  c.share_att_key = config.boolean("share_att_key", false);
  c.norm_rel_ebd = std::ranges::count(parts_of(config, "norm_rel_ebd"), "layer_norm") > 0;
  c.conv_kernel = config.integer("conv_kernel_size", 0, limits::kHidden, 0);
  c.conv_activation = activation_named(config.text("conv_act", "tanh"), config.where());
  if (c.conv_kernel > 0 && c.conv_kernel % 2 == 0)
    fail(Errc::kBadData, config.where(), ": conv_kernel_size is ", c.conv_kernel,
         ", wanted an odd number");
  if (const auto groups = config.integer("conv_groups", 1, limits::kHidden, 1); groups > 1)
    fail(Errc::kUnsupported, config.where(), ": conv_groups ", groups,
         " is not supported, wanted 1");
  return c;
}

struct DebertaEmbeddings {
  Embedding word_embeddings, position_embeddings, token_type_embeddings;
  std::optional<Linear> embed_proj;
  LayerNorm norm;
  std::string path;
  DebertaEmbeddings(const DebertaConfig& c, const Weights& w)
      : word_embeddings(w / "word_embeddings", c.vocab, c.embedding),
        norm(w / "LayerNorm", c.hidden, c.eps),
        path(w.path()) {
    if (c.biased_input)
      position_embeddings = {w / "position_embeddings", c.positions, c.embedding};
    else
      (w / "position_embeddings").ignore();
    if (c.types > 0) token_type_embeddings = {w / "token_type_embeddings", c.types, c.embedding};
    if (c.embedding != c.hidden)
      embed_proj = Linear(w / "embed_proj", {c.hidden, c.embedding}, false);
  }

  Tensor operator()(const Tokens& tokens) const {
    Tensor x = word_embeddings(tokens.ids);  // [N, embedding]
    if (position_embeddings.weight.defined()) x.add_(position_embeddings(tokens.seqs.positions()));
    if (token_type_embeddings.weight.defined())
      x.add_(token_type_embeddings(tokens.type_ids.defined()
                                       ? tokens.type_ids
                                       : at::zeros({1}, tokens.ids.options())));
    x = dropped(norm(embed_proj ? (*embed_proj)(x) : x), &Noise::embedding);  // [N,D]
    tokens.note(path, x);
    return x;
  }
};

// The table of relative positions that all layers share.
struct RelativeEmbeddings {
  Embedding rel_embeddings;
  LayerNorm norm;
  RelativeEmbeddings(const DebertaConfig& c, const Weights& w) {
    if (c.relative) rel_embeddings = {w / "rel_embeddings", 2 * c.rows.span, c.hidden};
    if (c.norm_rel_ebd) norm = {w / "LayerNorm", c.hidden, c.eps};
  }
  Tensor operator()(const Tensor& rows) const {  // [R] -> [R,D]
    const Tensor x = rel_embeddings(rows);
    return norm.weight.defined() ? norm(x) : x;
  }
};

struct SelfAttention {
  std::function<Tensor(const Tensor&)> query_key_value;  // [N,D] -> [N,3*D]
  DisentangledAttention mix;
};

// Of the parts that config names, the projections of the table.
DisentangledAttention disentangled(const DebertaConfig& c, const RelativeEmbeddings& table,
                                   const std::function<Linear()>& keys,
                                   const std::function<Linear()>& queries) {
  const auto projected = [&](bool there, const std::function<Linear()>& bind) {
    DisentangledAttention::Projection projection;
    if (there && c.relative)
      projection = [table, product = bind()](const Tensor& rows) { return product(table(rows)); };
    return projection;
  };
  const double size = static_cast<double>(c.hidden) / static_cast<double>(c.heads);
  return {c.heads, 1 / std::sqrt(size * c.terms), c.rows, projected(c.keys, keys),
          projected(c.queries, queries)};
}

SelfAttention deberta_attention(const DebertaConfig& c, const Weights& w,
                                const RelativeEmbeddings& table) {
  const Linear in_proj(w, {{"in_proj", 3 * c.hidden, {.groups = c.heads, .kinds = 3}}}, c.hidden,
                       false);
  const Tensor query = w.small("q_bias", {c.hidden}), value = w.small("v_bias", {c.hidden});
  Tensor bias;  // [3*D]
  if (query.defined() && value.defined()) bias = at::concat(std::vector<Tensor>{query, at::zeros_like(query), value});
  return {[=](const Tensor& x) { return in_proj(x).add_(bias); },
          disentangled(
              c, table, [&] { return Linear(w / "pos_proj", {c.hidden, c.hidden}, false); },
              [&] { return Linear(w / "pos_q_proj", {c.hidden, c.hidden}); })};
}

SelfAttention deberta_v2_attention(const DebertaConfig& c, const Weights& w,
                                   const RelativeEmbeddings& table) {
  const std::string keys = c.share_att_key ? "key_proj" : "pos_key_proj";
  const std::string queries = c.share_att_key ? "query_proj" : "pos_query_proj";
  return {Linear(w, {{"query_proj", c.hidden}, {"key_proj", c.hidden}, {"value_proj", c.hidden}},
                 c.hidden),
          disentangled(
              c, table, [&] { return Linear(w / keys, {c.hidden, c.hidden}); },
              [&] { return Linear(w / queries, {c.hidden, c.hidden}); })};
}

// How a version is told apart.
struct Version {
  DebertaConfig (*config)(const Fields& config);
  SelfAttention (*attention)(const DebertaConfig& c, const Weights& w,
                             const RelativeEmbeddings& table);
};

struct DebertaLayer {
  SelfAttention self;
  Linear attention_output, intermediate, output;
  LayerNorm attention_norm, output_norm;
  Activation activation;
  std::string path;
  DebertaLayer(const DebertaConfig& c, const Weights& w, SelfAttention self)
      : self(std::move(self)),
        attention_output(w / "attention" / "output" / "dense", {c.hidden, c.hidden}),
        intermediate(w / "intermediate" / "dense", {c.ffn, c.hidden}),
        output(w / "output" / "dense", {c.hidden, c.ffn}),
        attention_norm(w / "attention" / "output" / "LayerNorm", c.hidden, c.eps),
        output_norm(w / "output" / "LayerNorm", c.hidden, c.eps),
        activation(c.activation),
        path(w.path()) {}
  Tensor operator()(const Tensor& x, const Tokens& tokens, bool last) const {
    const Tensor mixed = self.mix(self.query_key_value(x), tokens.seqs);  // [N,D]
    Tensor y = attention_norm(attention_output(wanted(mixed, tokens, last)), wanted(x, tokens, last));
    y = output_norm(output(intermediate(y, activation)), y);
    tokens.note(path, y);
    return y;  // [R,D]
  }
};

// A convolution of the embeddings along each sequence, added to what the first layer gives.
struct Convolution {
  Conv1d conv;
  LayerNorm norm;
  Activation activation;
  std::string path;
  Convolution(const DebertaConfig& c, const Weights& w)
      : conv(w / "conv", c.hidden, c.conv_kernel),
        norm(w / "LayerNorm", c.hidden, c.eps),
        activation(c.conv_activation),
        path(w.path()) {}
  // x [N,D] the embeddings, y [R,D]
  Tensor operator()(const Tensor& x, const Tensor& y, const Tokens& tokens, bool last) const {
    Tensor z = norm(wanted(conv(x, tokens.seqs, activation), tokens, last), y);
    tokens.note(path, z);
    return z;
  }
};

struct Deberta {
  DebertaEmbeddings embeddings;
  std::vector<DebertaLayer> layer;
  std::optional<Convolution> conv;
  Deberta(const DebertaConfig& c, const Weights& w, const Version& version)
      : embeddings(c, w / "embeddings") {
    const Weights encoder = w / "encoder";
    const RelativeEmbeddings table(c, encoder);
    for (std::int64_t i = 0; i < c.layers; ++i) {
      const Weights place = encoder / "layer" / i;
      layer.emplace_back(c, place, version.attention(c, place / "attention" / "self", table));
    }
    if (c.conv_kernel > 0) conv.emplace(c, encoder / "conv");
  }

  Tensor operator()(const Tokens& tokens) const {
    const Tensor embedded = embeddings(tokens);  // [N,D]
    if (layer.empty()) return wanted(embedded, tokens, true);
    Tensor x = embedded;
    for (const auto& each : layer) {
      const bool last = &each == &layer.back();
      x = each(x, tokens, last);
      if (conv && &each == &layer.front()) x = (*conv)(embedded, x, tokens, last);
    }
    return x;  // [R,D]
  }
};

// The head of pre-training is lm_predictions in the original files; `legacy` ones have BERT's.
std::function<Tensor(const Tensor&)> deberta_masked_lm(const Fields& config, const DebertaConfig& c,
                                                       const Weights& w) {
  (w / "mask_predictions").ignore();
  const Weights table = w / "deberta" / "embeddings" / "word_embeddings";
  const Weights old = w / "cls" / "predictions", own = w / "lm_predictions" / "lm_head";
  const bool legacy = config.boolean("legacy", old.has("bias") || !own.has("bias"));
  const auto size = legacy ? c.embedding : c.hidden;
  const Weights transform = legacy ? old / "transform" : own;
  const Linear dense(transform / "dense", {size, c.hidden});
  const LayerNorm norm(transform / "LayerNorm", size, c.eps);
  const Linear decoder = legacy ? vocabulary_product(config, old / "decoder", old, table, size)
                                : Linear(table, {c.vocab, size}, own.small("bias", {c.vocab}));
  return [=](const Tensor& x) { return decoder(norm(dense(x, c.activation))); };
}

TextNet build_deberta(const Fields& config, const Weights& w, Head head, const Version& version) {
  const DebertaConfig c = version.config(config);
  const Deberta deberta(c, w / "deberta", version);
  TextNet net{.encode = deberta,
              .vocab = c.vocab,
              .types = c.types,
              .positions = c.biased_input ? c.positions : limits::kPositions,
              .hidden = c.hidden};
  net.trained_positions = c.positions;
  switch (head) {
    case Head::kEmbed:
    case Head::kFeatures:
      break;
    case Head::kClassify: {
      const auto activation =
          activation_named(config.text("pooler_hidden_act", "gelu"), config.where());
      const Linear pooler(w / "pooler" / "dense", {c.hidden, c.hidden});
      const Linear classifier(w / "classifier", {label_count(config), c.hidden});
      net.head = [=](const Tensor& x) { return classifier(pooler(x, activation)); };
      break;
    }
    case Head::kTokenClassify:
      net.head = linear_head(w / "classifier", label_count(config), c.hidden);
      break;
    case Head::kAnswer:
      net.head = linear_head(w / "qa_outputs", 2, c.hidden);
      break;
    case Head::kMaskedLm:
      net.head = deberta_masked_lm(config, c, w);
      break;
  }
  return net;
}

TextNet build_v1(const Fields& config, const Weights& w, Head head) {
  return build_deberta(
      config, w, head,
      {[](const Fields& fields) { return DebertaConfig(fields); }, deberta_attention});
}

TextNet build_v2(const Fields& config, const Weights& w, Head head) {
  return build_deberta(config, w, head, {deberta_v2_config, deberta_v2_attention});
}

}  // namespace

extern const Architecture deberta{
    .types = {"deberta"},
    .base = "deberta",
    .heads = kEncoderHeads,
    .encoder = build_v1,
};
extern const Architecture deberta_v2{
    .types = {"deberta-v2"},
    .base = "deberta",
    .heads = kEncoderHeads,
    .encoder = build_v2,
};

}  // namespace hft
