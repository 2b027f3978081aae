// BART (arXiv:1910.13461) and mBART (arXiv:2001.08210): encoder and decoder with learned positions
// from row 2 on. Checked against the configs of facebook/bart-large-cnn and mbart-large-50.
// Golden: tests/golden/bart-*, tests/golden/mbart-*.
// Shapes: N tokens of all sequences together, R of them wanted, D hidden, H heads, E head size,
// F feed-forward, V vocabulary, P positions.
#include "core/models/seq2seq/bart.h"

#include "core/base/limits.h"
#include "core/models/architecture.h"
#include "core/models/text_net.h"
#include "core/nn/attention.h"
#include "core/nn/embedding.h"
#include "core/nn/learning.h"
#include "core/nn/norm.h"

namespace hft {
namespace {

constexpr std::int64_t kFirstPosition = 2;
constexpr double kBartEps = 1e-5;  // no config has a field for it

struct BartSideConfig {
  std::int64_t vocab, hidden, layers, heads, size, ffn;
  std::int64_t seen;  // numbers of a state that cross-attention looks at
  Activation activation;
  double scale;  // of the embeddings
  bool norm_first, norm_embedding;

  BartSideConfig(const Fields& config, const std::string& side, const BartStyle& style)
      : vocab(config.integer("vocab_size", 1, limits::kVocab)),
        hidden(config.integer("d_model", 1, limits::kHidden)),
        layers(config.integer(side + "_layers", 0, limits::kLayers)),
        heads(config.integer(side + "_attention_heads", 1, limits::kHidden)),
        size(head_size(config, hidden, heads)),
        ffn(config.integer(side + "_ffn_dim", 1, limits::kHidden)),
        seen(hidden),
        activation(activation_named(
            config.text("activation_function", std::string(style.activation)), config.where())),
        scale(config.boolean("scale_embedding", style.scale_embedding)
                  ? std::sqrt(static_cast<double>(hidden))
                  : 1.0),
        norm_first(style.norm_first),
        norm_embedding(style.norm_embedding) {}
};

// A part of a layer between its residual and its norm, which comes before or after it.
struct Part {
  LayerNorm norm;
  bool first;
  Part(const BartSideConfig& c, const Weights& w)
      : norm(w, c.hidden, kBartEps), first(c.norm_first) {}
  Tensor begin(const Tensor& x) const { return first ? norm(x) : x; }
  // x is overwritten.
  Tensor end(const Linear& last, const Tensor& inner, Tensor x) const {
    return first ? last.plus(inner, std::move(x)) : norm(last(inner), x);
  }
};

struct BartEncoderLayer {
  Linear query_key_value, out_proj, fc1, fc2;
  Part self_attn_layer_norm, final_layer_norm;
  std::int64_t heads;
  Activation activation;
  std::string path;

  BartEncoderLayer(const BartSideConfig& c, const Weights& w)
      : query_key_value(w / "self_attn",
                        {{"q_proj", c.hidden}, {"k_proj", c.hidden}, {"v_proj", c.hidden}},
                        c.hidden),
        out_proj(w / "self_attn" / "out_proj", {c.hidden, c.hidden}),
        fc1(w / "fc1", {c.ffn, c.hidden}),
        fc2(w / "fc2", {c.hidden, c.ffn}),
        self_attn_layer_norm(c, w / "self_attn_layer_norm"),
        final_layer_norm(c, w / "final_layer_norm"),
        heads(c.heads),
        activation(c.activation),
        path(w.path()) {}

  Tensor operator()(Tensor x, const Tokens& tokens) const {  // [N,D] -> [N,D]
    const Tensor mixed = attend(query_key_value(self_attn_layer_norm.begin(x)), heads, tokens.seqs);
    x = self_attn_layer_norm.end(out_proj, mixed, std::move(x));
    const Tensor inner = fc1(final_layer_norm.begin(x), activation);  // [N,F]
    return within_half(final_layer_norm.end(fc2, inner, std::move(x)));
  }
};

struct BartDecoderLayer {
  Linear query_key_value, out_proj, cross_query, cross_key_value, cross_out, fc1, fc2;
  Part self_attn_layer_norm, encoder_attn_layer_norm, final_layer_norm;
  CausalAttention attention;
  Activation activation;
  std::string path;

  BartDecoderLayer(const BartSideConfig& c, const Weights& w, std::int64_t layer)
      : query_key_value(w / "self_attn",
                        {{"q_proj", c.hidden}, {"k_proj", c.hidden}, {"v_proj", c.hidden}},
                        c.hidden),
        out_proj(w / "self_attn" / "out_proj", {c.hidden, c.hidden}),
        cross_query(w / "encoder_attn" / "q_proj", {c.hidden, c.hidden}),
        cross_key_value(w / "encoder_attn", {{"k_proj", c.hidden}, {"v_proj", c.hidden}}, c.seen),
        cross_out(w / "encoder_attn" / "out_proj", {c.hidden, c.hidden}),
        fc1(w / "fc1", {c.ffn, c.hidden}),
        fc2(w / "fc2", {c.hidden, c.ffn}),
        self_attn_layer_norm(c, w / "self_attn_layer_norm"),
        encoder_attn_layer_norm(c, w / "encoder_attn_layer_norm"),
        final_layer_norm(c, w / "final_layer_norm"),
        attention{layer, c.heads, 1 / std::sqrt(static_cast<double>(c.size))},
        activation(c.activation),
        path(w.path()) {}

  Tensor operator()(Tensor x, const Steps& steps) const {  // [N,D] -> [N,D]
    Tensor mixed = attend_causal(query_key_value(self_attn_layer_norm.begin(x)), attention, steps);
    x = self_attn_layer_norm.end(out_proj, mixed, std::move(x));
    mixed = attend_source(cross_query(encoder_attn_layer_norm.begin(x)), attention, steps);
    x = encoder_attn_layer_norm.end(cross_out, mixed, std::move(x));
    const Tensor inner = fc1(final_layer_norm.begin(x), activation);  // [N,F]
    return final_layer_norm.end(fc2, inner, std::move(x));
  }
};

// Embeddings, layers and norms of one side.
template <class Layer>
struct Side {
  Embedding embed_tokens;
  PositionVectors positions;
  std::optional<LayerNorm> layernorm_embedding, layer_norm;
  std::vector<Layer> layers;
  double scale;

  Side(const BartSideConfig& c, const Weights& w, const Weights& table, PositionVectors places)
      : embed_tokens(table, c.vocab, c.hidden), positions(std::move(places)), scale(c.scale) {
    if (c.norm_embedding)
      layernorm_embedding = LayerNorm(w / "layernorm_embedding", c.hidden, kBartEps);
    if (c.norm_first) layer_norm = LayerNorm(w / "layer_norm", c.hidden, kBartEps);
  }

  Tensor begin(const Tensor& ids, const Tensor& at,
               const std::vector<std::int64_t>& starts) const {  // [N] -> [N,D]
    Tensor x = jittered(embed_tokens(ids));
    if (scale != 1) x = x * scale;
    x = x + positions(ids, at, starts);
    return dropped(layernorm_embedding ? (*layernorm_embedding)(x) : x, &Noise::embedding);
  }
  Tensor end(const Tensor& x) const { return layer_norm ? (*layer_norm)(x) : x; }
};

struct BartEncoder : Side<BartEncoderLayer> {
  BartEncoder(const BartSideConfig& c, const Weights& w, const Weights& table,
              PositionVectors places)
      : Side(c, w, table, std::move(places)) {
    for (std::int64_t i = 0; i < c.layers; ++i) layers.emplace_back(c, w / "layers" / i);
  }
  Tensor operator()(const Tokens& tokens) const {
    Tensor x = begin(tokens.ids, tokens.seqs.positions(), tokens.seqs.starts);
    for (const auto& layer : layers) {
      x = through(layer, x, tokens);
      tokens.note(layer.path, x);
    }
    return end(x);  // [N,D]
  }
};

struct BartDecoder : Side<BartDecoderLayer> {
  BartDecoder(const BartSideConfig& c, const Weights& w, const Weights& table,
              PositionVectors places)
      : Side(c, w, table, std::move(places)) {
    for (std::int64_t i = 0; i < c.layers; ++i) layers.emplace_back(c, w / "layers" / i, i);
  }
  Tensor operator()(const Steps& steps) const {
    std::vector<std::int64_t> starts;
    for (const auto& step : steps.steps) starts.push_back(step.begin);
    starts.push_back(steps.ids.size(0));
    Tensor x = begin(steps.ids, steps.positions, starts);
    for (const auto& layer : layers) {
      x = through(layer, x, steps);
      steps.note(layer.path, x);
    }
    return end(steps.wanted(x, true));  // [R,D]
  }
};

// The tables of both sides. Marian may keep them apart, with vocabularies of different sizes.
struct Tables {
  Weights source, target;
};

Tables tables_of(const Fields& config, const Weights& w) {
  const Weights model = w / "model";
  if (!config.boolean("share_encoder_decoder_embeddings", true))
    return {model / "encoder" / "embed_tokens",
            shared_table(w, {"model.decoder.embed_tokens", "lm_head"})};
  const bool tied = config.boolean("tie_word_embeddings", true);
  std::vector<std::string_view> names{"model.shared", "model.encoder.embed_tokens",
                                      "model.decoder.embed_tokens"};
  if (tied) names.push_back("lm_head");
  const Weights shared = shared_table(w, names);
  const auto own = [&](std::string_view side) {  // an untied side may have a table of its own
    const Weights table = model / side / "embed_tokens";
    return !tied && table.has("weight") ? table : shared;
  };
  return {own("encoder"), own("decoder")};
}

}  // namespace

Seq2SeqNet build_bart_family(const Fields& config, const Weights& w, const BartStyle& style) {
  const BartSideConfig source(config, "encoder", style);
  BartSideConfig target(config, "decoder", style);
  if (!config.boolean("share_encoder_decoder_embeddings", true))
    target.vocab = config.integer("decoder_vocab_size", 1, limits::kVocab, source.vocab);
  const auto positions = config.integer("max_position_embeddings", 1, limits::kPositions, 1024);
  const Weights model = w / "model";
  const Tables tables = tables_of(config, w);
  const BartEncoder encoder(source, model / "encoder", tables.source,
                            style.positions(config, model / "encoder"));
  const BartDecoder decoder(target, model / "decoder", tables.target,
                            style.positions(config, model / "decoder"));
  const Linear lm_head = seq2seq_head(config, w, {target.vocab, target.hidden}, tables.target);
  const std::vector<CacheLayer> cache(target.layers, {target.heads, target.size, 0});
  Seq2SeqNet net;
  net.encode = encoder;
  net.seen = [decoder](const Tensor& encoded, std::int64_t layer) {
    return decoder.layers[layer].cross_key_value(encoded);
  };
  net.sources = cache;
  net.source_vocab = source.vocab;
  net.source_positions = style.endless ? limits::kPositions : positions;
  net.decoder = {.hidden = decoder,
                 .logits = lm_head,
                 .cache = cache,
                 .vocab = target.vocab,
                 .positions = net.source_positions,
                 .size = target.hidden};
  return net;
}

PictureDecoder bart_picture_decoder(const Fields& config, const Weights& w, std::int64_t seen,
                                    const BartStyle& style, std::string_view head) {
  BartSideConfig c(config, "decoder", style);
  if (seen > 0) c.seen = seen;
  const Weights at = w / "model" / "decoder", table = at / "embed_tokens";
  const BartDecoder decoder(c, at, table, style.positions(config, at));
  return {
      {.hidden = decoder,
       .logits = language_head(config, w / head, {c.vocab, c.hidden}, {table, true}),
       .cache = std::vector<CacheLayer>(static_cast<std::size_t>(c.layers), {c.heads, c.size, 0}),
       .vocab = c.vocab,
       .positions = config.integer("max_position_embeddings", 1, limits::kPositions, 1024),
       .size = c.hidden},
      [decoder](const Tensor& encoded, std::int64_t layer) {
        return decoder.layers[layer].cross_key_value(encoded);
      }};
}

PositionVectors learned_positions(const Fields& config, const Weights& w) {
  const Embedding table(
      w / "embed_positions",
      config.integer("max_position_embeddings", 1, limits::kPositions, 1024) + kFirstPosition,
      config.integer("d_model", 1, limits::kHidden));
  return [table](const Tensor&, const Tensor& at, const auto&) { return table(at + kFirstPosition); };
}

PositionVectors sinusoidal_positions(const Fields& config, const Weights& w) {
  const auto count = config.integer("max_position_embeddings", 1, limits::kPositions, 1024);
  const auto size = config.integer("d_model", 1, limits::kHidden);
  const Weights place = w / "embed_positions";
  Tensor table;
  if (place.has("weight")) {
    table = place.get("weight", {count, size});
  } else {  // sines first, cosines after them, of 10000^(-2 i / D) a position
    const Tensor at = at::arange(count, at::kDouble).unsqueeze(1);
    const auto wave = [&](std::int64_t pairs) {
      return at / at::pow(10000.0, at::arange(pairs, at::kDouble) * 2 / static_cast<double>(size));
    };
    table = at::concat({at::sin(wave((size + 1) / 2)), at::cos(wave(size / 2))}, 1);  // [P,D]
  }
  table = table.defined() ? table.to(w.store().device(), w.store().dtype()) : table;
  return [table](const Tensor&, const Tensor& at, const auto&) { return table.index_select(0, at); };
}

namespace {

Seq2SeqNet build_bart(const Fields& config, const Weights& w) {
  return build_bart_family(config, w, {.norm_embedding = true, .positions = learned_positions});
}

const BartStyle kMbart{.norm_first = true, .norm_embedding = true, .positions = learned_positions};

Seq2SeqNet build_mbart(const Fields& config, const Weights& w) {
  return build_bart_family(config, w, kMbart);
}
PictureDecoder build_mbart_decoder(const Fields& config, const Weights& w, std::int64_t seen) {
  return bart_picture_decoder(config, w, seen, kMbart);
}

// TrOCR (arXiv:2109.10282): BART's decoder, which reads lines of text. Checked against the configs
// of microsoft/trocr-base-handwritten and trocr-small-printed.
PictureDecoder build_trocr(const Fields& config, const Weights& w, std::int64_t seen) {
  const bool learned = config.boolean("use_learned_position_embeddings", true);
  return bart_picture_decoder(config, w, seen,
                              {.norm_embedding = config.boolean("layernorm_embedding", true),
                               .positions = learned ? learned_positions : counted_positions},
                              "output_projection");
}

constexpr Head kBartReading[] = {Head::kClassify, Head::kAnswer};

}  // namespace

extern const Architecture bart{
    .types = {"bart"},
    .base = "model",
    .heads = kBartReading,
    .seq2seq = build_bart,
};

extern const Architecture mbart{
    .types = {"mbart"},
    .base = "model",
    .heads = kBartReading,
    .seq2seq = build_mbart,
    .picture_decoder = build_mbart_decoder,
    .starts_with_last = true,
};

extern const Architecture trocr{
    .types = {"trocr"},
    .base = "model",
    .picture_decoder = build_trocr,
};

}  // namespace hft
