// NomicBERT: BERT with rotary positions and a gated feed-forward, as transformers 5 has it and as
// the repositories of 2024 do, whose own Python code is not needed.
// Paper: arXiv:2402.01613. Checked against modeling_nomic_bert.py of transformers 5.24 and the
// configs of nomic-ai/nomic-embed-text-v1.5 and nomic-ai/nomic-bert-2048.
// Shapes: N tokens of all sequences together, R of them wanted, D hidden, H heads of E numbers.
#include <algorithm>

#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/models/architecture.h"
#include "core/nn/attention.h"
#include "core/nn/embedding.h"
#include "core/nn/norm.h"
#include "core/nn/rope.h"

namespace hft {
namespace {

constexpr std::int64_t kGateMultiple = 256;  // the repositories' code rounds up to it

std::int64_t rounded_up(std::int64_t n, std::int64_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}

// The repositories' own fields are GPT-2's and more.
bool is_of_repository(const Fields& config) { return config.has("activation_function"); }

// The activation of the gate where the feed-forward has one, else of its only product.
struct Gate {
  bool gated = true;
  std::string activation;
  explicit Gate(const Fields& config) : activation(config.text("hidden_act", "silu")) {
    if (!is_of_repository(config)) return;
    const std::string name = config.text("activation_function");
    gated = name.ends_with("glu");
    activation = name == "swiglu" ? "silu" : name == "glu" ? "sigmoid" : "gelu";
  }
};

void refuse_others(const Fields& config) {
  for (const char* key : {"prenorm", "parallel_block", "use_rms_norm", "norm_mlp",
                          "rotary_emb_scale_base", "rotary_head_dim", "moe_every_n_layers", "num_heads_kv"})
    if (const Json* value = config.find(key); value && *value != false && *value != 0)
      fail(Errc::kUnsupported, config.where(), ": '", key, "' is ", value->dump(),
           ", wanted a NomicBERT without it");
}

// The fields of a repository under the names that transformers 5 gives them.
Fields renamed(const Fields& config) {
  constexpr std::pair<const char*, const char*> kNames[] = {
      {"intermediate_size", "n_inner"},
      {"rope_theta", "rotary_emb_base"},
      {"layer_norm_eps", "layer_norm_epsilon"},
      {"partial_rotary_factor", "rotary_emb_fraction"}};
  refuse_others(config);
  if (!is_of_repository(config)) return config;
  Json json = config.json();
  for (const auto& [name, old] : kNames)
    if (const Json* value = config.find(old)) json[name] = Json(*value);
  const Fields fields(json, config.where());
  const auto hidden = fields.integer("hidden_size", 1, limits::kHidden);
  const bool gated = Gate(config).gated;
  const auto ffn = fields.integer("intermediate_size", 1, limits::kHidden,
                                  gated ? 8 * hidden / 3 : 4 * hidden);
  json["intermediate_size"] = gated ? rounded_up(ffn, kGateMultiple) : ffn;
  json["vocab_size"] =
      rounded_up(fields.integer("vocab_size", 1, limits::kVocab),
                 fields.integer("pad_vocab_size_multiple", 1, limits::kVocab, 1));
  return Fields(std::move(json), config.where());
}

// A repository's texts are stretched past the positions it was trained on, not all it takes.
Rope nomic_bert_rope_of(const Fields& config, std::int64_t head_size) {
  if (!config.has("rotary_scaling_factor")) return Rope(config, head_size, 1, 1000);
  Json json = config.json();
  json["rope_scaling"] = {{"rope_type", "dynamic"}, {"factor", json["rotary_scaling_factor"]}};
  json["max_position_embeddings"] =
      config.integer("max_trained_positions", 1, limits::kPositions, 2048);
  return Rope(Fields(std::move(json), config.where()), head_size);
}

struct NomicBertConfig {
  std::int64_t vocab, hidden, layers, heads, head_size, ffn, types;
  Activation activation;
  bool gated, qkv_bias, fc1_bias, fc2_bias;
  double eps;
  explicit NomicBertConfig(const Fields& config)
      : vocab(config.integer("vocab_size", 1, limits::kVocab)),
        hidden(config.integer("hidden_size", 1, limits::kHidden)),
        layers(config.integer("num_hidden_layers", 0, limits::kLayers)),
        heads(config.integer("num_attention_heads", 1, limits::kHidden)),
        head_size(config.has("head_dim") ? config.integer("head_dim", 1, limits::kHidden)
                                         : hft::head_size(config, hidden, heads)),
        ffn(config.integer("intermediate_size", 1, limits::kHidden)),
        types(config.integer("type_vocab_size", 0, limits::kVocab, 2)),
        activation(activation_named(Gate(config).activation, config.where())),
        gated(Gate(config).gated),
        qkv_bias(config.boolean("qkv_proj_bias", false)),
        fc1_bias(config.boolean("mlp_fc1_bias", false)),
        fc2_bias(config.boolean("mlp_fc2_bias", false)),
        eps(config.real("layer_norm_eps", 0, 1, 1e-12)) {}
};

struct NomicBertEmbeddings {
  Embedding word_embeddings, token_type_embeddings;
  LayerNorm emb_ln;
  std::string path;
  NomicBertEmbeddings(const NomicBertConfig& c, const Weights& w)
      : word_embeddings(w / "embeddings" / "word_embeddings", c.vocab, c.hidden),
        emb_ln(w / "emb_ln", c.hidden, c.eps),
        path((w / "embeddings").path()) {
    if (c.types > 0)
      token_type_embeddings = {w / "embeddings" / "token_type_embeddings", c.types, c.hidden};
  }
  Tensor operator()(const Tokens& tokens) const {
    Tensor x = word_embeddings(tokens.ids);  // [N,D]
    if (token_type_embeddings.weight.defined())
      x.add_(token_type_embeddings(
          tokens.type_ids.defined() ? tokens.type_ids : at::zeros({1}, tokens.ids.options())));
    x = emb_ln(x);
    tokens.note(path, x);
    return x;
  }
};

struct NomicBertLayer {
  Linear Wqkv, out_proj, fc1, fc2;
  LayerNorm norm1, norm2;
  std::int64_t heads, head_size;
  Activation activation;
  std::string path;
  NomicBertLayer(const NomicBertConfig& c, const Weights& w)
      : Wqkv(w / "attn" / "Wqkv", {3 * c.heads * c.head_size, c.hidden}, c.qkv_bias),
        out_proj(w / "attn" / "out_proj", {c.hidden, c.heads * c.head_size}, c.qkv_bias),
        fc1(c.gated ? Linear::gated(w / "mlp", {{{"fc12", c.ffn}, {"fc11", c.ffn}}}, c.hidden,
                                    c.activation, c.fc1_bias)
                    : Linear(w / "mlp" / "fc1", {c.ffn, c.hidden}, c.fc1_bias)),
        fc2(w / "mlp" / "fc2", {c.hidden, c.ffn}, c.fc2_bias),
        norm1(w / "norm1", c.hidden, c.eps),
        norm2(w / "norm2", c.hidden, c.eps),
        heads(c.heads),
        head_size(c.head_size),
        activation(c.activation),
        path(w.path()) {}
  // order: of the columns of queries, keys and values; undefined: as they stand.
  Tensor operator()(const Tensor& x, const Tensor& angles, const Tensor& order,
                    const Tokens& tokens, bool last) const {
    Tensor qkv = Wqkv(x);  // [N, 3*H*E]
    if (order.defined()) qkv = qkv.index_select(1, order);
    Rope::rotate(qkv, angles, 2 * heads, head_size);
    const Tensor mixed = attend(qkv, heads, tokens.seqs).to(x.scalar_type());  // [N, H*E]
    Tensor y = norm1(out_proj(wanted(mixed, tokens, last)), wanted(x, tokens, last));
    y = norm2(fc2(fc1(y, activation)), y);
    tokens.note(path, y);
    return y;  // [R,D]
  }
};

// Where neighbours turn together, they are put half of the turning numbers apart: scores are the
// same in any order that queries and keys share.
Tensor neighbours_apart(const NomicBertConfig& c, std::int64_t turning) {  // [3*H*E]
  Tensor order = at::arange(3 * c.heads * c.head_size);
  auto* column = order.data_ptr<std::int64_t>();
  for (std::int64_t head = 0; head < 2 * c.heads; ++head, column += c.head_size)
    for (std::int64_t i = 0; i < turning; ++i)
      column[i] = head * c.head_size + (i < turning / 2 ? 2 * i : 2 * i - turning + 1);
  return order;
}

struct NomicBert {
  NomicBertEmbeddings embeddings;
  std::vector<NomicBertLayer> layers;
  Rope rope;
  Tensor order;
  NomicBert(const Fields& config, const NomicBertConfig& c, const Weights& w)
      : embeddings(c, w), rope(nomic_bert_rope_of(config, c.head_size)) {
    for (std::int64_t i = 0; i < c.layers; ++i) layers.emplace_back(c, w / "encoder" / "layers" / i);
    if (config.boolean("rotary_emb_interleaved", false))
      order = neighbours_apart(c, rope.turning()).to(w.store().device());
  }
  Tensor operator()(const Tokens& tokens) const {
    const Tensor angles = rope.angles(tokens.seqs);
    Tensor x = embeddings(tokens);
    if (layers.empty()) return wanted(x, tokens, true);
    for (const auto& layer : layers) x = layer(x, angles, order, tokens, &layer == &layers.back());
    return x;  // [R,D]
  }
};

// cls.predictions: dense, activation, norm, then the tied product; a repository's biases are those
// of its feed-forward.
std::function<Tensor(const Tensor&)> nomic_bert_masked_lm(const Fields& config,
                                                          const NomicBertConfig& c,
                                                          const Weights& w, const Weights& table) {
  const bool of_repository = is_of_repository(config), bias = !of_repository || c.fc1_bias;
  Linear dense(w / "transform" / "dense", {c.hidden, c.hidden}, bias);
  LayerNorm norm(w / "transform" / "layer_norm", c.hidden, c.eps);
  const auto activation =
      !of_repository || config.text("activation_function") == "swiglu"
          ? c.activation
          : activation_named(c.gated ? "gelu" : config.text("activation_function"), config.where());
  Linear decoder = bias ? vocabulary_product(config, w / "decoder", w, table, c.hidden)
                        : language_head(config, w / "decoder", {c.vocab, c.hidden}, {table, true});
  return [=](const Tensor& x) { return decoder(norm(dense(x, activation))); };
}

TextNet build_nomic_bert(const Fields& written, const Weights& w, Head head) {
  const Fields config = renamed(written);
  const NomicBertConfig c(config);
  const Weights base = w / (w.has("bert.emb_ln.weight") ? "bert" : "nomic_bert");
  const NomicBert model(config, c, base);
  // Rotary positions go on past max_position_embeddings: the tokenizer says where texts are cut.
  TextNet net{.encode = model,
              .vocab = c.vocab,
              .types = c.types,
              .positions = limits::kPositions,
              .hidden = c.hidden,
              .trained_positions = model.rope.reach()};
  switch (head) {
    case Head::kEmbed:
    case Head::kFeatures:
      (base / "pooler").ignore();
      break;
    case Head::kClassify: {
      Linear pooler(base / "pooler" / "dense", {c.hidden, c.hidden});
      Linear classifier(w / "classifier", {label_count(config), c.hidden});
      net.head = [=](const Tensor& x) { return classifier(pooler(x, Activation::kTanh)); };
      break;
    }
    case Head::kTokenClassify:
      net.head = linear_head(w / "classifier", label_count(config), c.hidden);
      break;
    case Head::kAnswer:  // not among kHeads
      break;
    case Head::kMaskedLm:
      net.head = nomic_bert_masked_lm(config, c, w / "cls" / "predictions",
                                      base / "embeddings" / "word_embeddings");
      break;
  }
  return net;
}

constexpr Head kHeads[] = {Head::kEmbed, Head::kFeatures, Head::kClassify, Head::kTokenClassify,
                           Head::kMaskedLm};

}  // namespace

extern const Architecture nomic_bert{
    .types = {"nomic_bert"},
    .base = "nomic_bert",
    .heads = kHeads,
    .encoder = build_nomic_bert,
};

}  // namespace hft
