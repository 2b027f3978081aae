// BLIP (arXiv:2201.12086): a vision transformer, and a BERT whose layers also look at what it saw,
// which writes captions; or reads a question about the picture for another that writes the answer.
// Checked against the configs of Salesforce/blip-image-captioning-base and blip-vqa-base.
// Golden: tests/golden/blip-*.
// Shapes: N tokens of all sequences together, R of them wanted, D hidden, F feed-forward, V vocabulary.
#include "core/base/limits.h"
#include "core/checkpoint/model_kinds.h"
#include "core/models/architecture.h"
#include "core/models/text_net.h"
#include "core/models/vision/vit.h"
#include "core/nn/attention.h"
#include "core/nn/embedding.h"

namespace hft {
namespace {

const BlockNames kBlipNames{.norm1 = "layer_norm1",
                            .norm2 = "layer_norm2",
                            .qkv = "self_attn.qkv",
                            .attention_output = "self_attn.projection",
                            .fc1 = "mlp.fc1",
                            .fc2 = "mlp.fc2"};

struct BlipVisionConfig {
  BlockShape block;
  std::int64_t layers;
  Grid patch, picture;
  explicit BlipVisionConfig(const Fields& config)
      : block{.hidden = config.integer("hidden_size", 1, limits::kHidden, 768),
              .heads = config.integer("num_attention_heads", 1, limits::kHidden, 12),
              .ffn = config.integer("intermediate_size", 1, limits::kHidden, 3072),
              .activation = activation_named(config.text("hidden_act", "gelu"), config.where()),
              .eps = config.real("layer_norm_eps", 0, 1, 1e-5)},
        layers(config.integer("num_hidden_layers", 0, limits::kLayers, 12)),
        patch(grid_field(config, "patch_size", 16)),
        picture(grid_field(config, "image_size", 384)) {
    head_size(config, block.hidden, block.heads);
  }
};

struct VisionModel {
  Vit vit;
  LayerNorm post_layernorm;

  VisionModel(const BlipVisionConfig& c, const Weights& w)
      : vit(vit_of(c, w)), post_layernorm(w / "post_layernorm", c.block.hidden, c.block.eps) {}

  PictureStates operator()(const Pictures& pictures) const {
    Vit::States states = vit(pictures, 0);
    return {post_layernorm(states.x), std::move(states.seqs)};
  }

 private:
  static Vit vit_of(const BlipVisionConfig& c, const Weights& w) {
    const Weights at = w / "embeddings";
    const Grid grid{c.picture.height / c.patch.height, c.picture.width / c.patch.width};
    const auto hidden = c.block.hidden;
    Vit vit{.patches = {at / "patch_embedding", 3, c.patch, hidden},
            .prefix = at.small("class_embedding", {1, 1, hidden}),
            .positions = at.get("position_embedding", {1, 1 + grid.cells(), hidden}),
            .grid = grid,
            .path = at.path()};
    if (vit.prefix.defined()) vit.prefix = vit.prefix[0];
    if (vit.positions.defined()) vit.positions = vit.positions[0];
    for (std::int64_t i = 0; i < c.layers; ++i)
      vit.blocks.emplace_back(c.block, kBlipNames, w / "encoder" / "layers" / i);
    return vit;
  }
};

struct TextConfig {
  std::int64_t vocab, hidden, seen, layers, heads, size, ffn, positions;
  Activation activation;
  double eps;
  // seen: numbers of a state that cross-attention looks at.
  TextConfig(const Fields& config, std::int64_t seen)
      : vocab(config.integer("vocab_size", 1, limits::kVocab, 30524)),
        hidden(config.integer("hidden_size", 1, limits::kHidden, 768)),
        seen(seen),
        layers(config.integer("num_hidden_layers", 0, limits::kLayers, 12)),
        heads(config.integer("num_attention_heads", 1, limits::kHidden, 8)),
        size(head_size(config, hidden, heads)),
        ffn(config.integer("intermediate_size", 1, limits::kHidden, 3072)),
        positions(config.integer("max_position_embeddings", 1, limits::kPositions, 512)),
        activation(activation_named(config.text("hidden_act", "gelu"), config.where())),
        eps(config.real("layer_norm_eps", 0, 1, 1e-12)) {
    need_absolute_positions(config);
  }
};

struct TextEmbeddings {
  Embedding word_embeddings, position_embeddings;
  LayerNorm norm;
  TextEmbeddings(const TextConfig& c, const Weights& w)
      : word_embeddings(w / "word_embeddings", c.vocab, c.hidden),
        position_embeddings(w / "position_embeddings", c.positions, c.hidden),
        norm(w / "LayerNorm", c.hidden, c.eps) {}
  Tensor operator()(const Tensor& ids, const Tensor& positions) const {  // [N] -> [N,D]
    return norm(word_embeddings(ids), position_embeddings(positions));
  }
};

struct TextLayer {
  Linear query_key_value, attention_output, cross_query, cross_key_value, cross_output, intermediate,
      output;
  LayerNorm attention_norm, cross_norm, output_norm;
  CausalAttention attention;
  Activation activation;
  std::string path;

  TextLayer(const TextConfig& c, const Weights& w, std::int64_t layer)
      : query_key_value(w / "attention" / "self",
                        {{"query", c.hidden}, {"key", c.hidden}, {"value", c.hidden}}, c.hidden),
        attention_output(w / "attention" / "output" / "dense", {c.hidden, c.hidden}),
        cross_query(w / "crossattention" / "self" / "query", {c.hidden, c.hidden}),
        cross_key_value(w / "crossattention" / "self", {{"key", c.hidden}, {"value", c.hidden}},
                        c.seen),
        cross_output(w / "crossattention" / "output" / "dense", {c.hidden, c.hidden}),
        intermediate(w / "intermediate" / "dense", {c.ffn, c.hidden}),
        output(w / "output" / "dense", {c.hidden, c.ffn}),
        attention_norm(w / "attention" / "output" / "LayerNorm", c.hidden, c.eps),
        cross_norm(w / "crossattention" / "output" / "LayerNorm", c.hidden, c.eps),
        output_norm(w / "output" / "LayerNorm", c.hidden, c.eps),
        attention{layer, c.heads, 1 / std::sqrt(static_cast<double>(c.size))},
        activation(c.activation),
        path(w.path()) {}

  // within(qkv) mixes the tokens of each sequence, across(queries) what was seen into them.
  template <class Within, class Across>
  Tensor operator()(const Tensor& x, const Within& within, const Across& across) const {
    Tensor y = attention_norm(attention_output(within(query_key_value(x))), x);  // [N,D]
    y = cross_norm(cross_output(across(cross_query(y))), y);
    return output_norm(output(intermediate(y, activation)), y);
  }
};

std::vector<TextLayer> layers_of(const TextConfig& c, const Weights& w) {
  std::vector<TextLayer> layers;
  for (std::int64_t i = 0; i < c.layers; ++i) layers.emplace_back(c, w / "layer" / i, i);
  return layers;
}

// Reads questions, each beside its picture.
struct QuestionReader {
  TextEmbeddings embeddings;
  std::vector<TextLayer> layers;
  std::int64_t heads;

  QuestionReader(const TextConfig& c, const Weights& w)
      : embeddings(c, w / "embeddings"), layers(layers_of(c, w / "encoder")), heads(c.heads) {}

  Tensor operator()(const Tokens& questions, const PictureStates& seen,
                    std::span<const std::int32_t> of) const {  // -> [N,D]
    Tensor x = embeddings(questions.ids, questions.seqs.positions());
    for (const TextLayer& layer : layers) {
      const Tensor key_value = layer.cross_key_value(seen.x);  // of all pictures
      x = layer(
          x, [&](const Tensor& qkv) { return attend(qkv, heads, questions.seqs); },
          [&](const Tensor& queries) { return look(queries, key_value, questions, seen, of); });
      questions.note(layer.path, x);
    }
    return x;
  }

 private:
  // Questions to one picture share its keys and values.
  Tensor look(const Tensor& queries, const Tensor& key_value, const Tokens& questions,
              const PictureStates& seen, std::span<const std::int32_t> of) const {
    std::vector<Tensor> parts;
    const auto alone = [&](std::int64_t length) {
      Sequences one;
      one.device = questions.seqs.device;
      one.starts.push_back(length);
      return one;
    };
    for (std::int64_t b = 0; b < questions.seqs.count(); ++b) {
      const auto tokens = questions.seqs.length(b), states = seen.seqs.length(of[b]);
      parts.push_back(attend_across(queries.narrow(0, questions.seqs.starts[b], tokens),
                                    key_value.narrow(0, seen.seqs.starts[of[b]], states), heads,
                                    alone(tokens), alone(states)));
    }
    return at::concat(parts);
  }
};

struct TextDecoder {
  TextEmbeddings embeddings;
  std::vector<TextLayer> layers;
  Linear dense;
  LayerNorm norm;
  Activation activation;

  TextDecoder(const TextConfig& c, const Weights& w)
      : embeddings(c, w / "bert" / "embeddings"),
        layers(layers_of(c, w / "bert" / "encoder")),
        dense(w / "cls" / "predictions" / "transform" / "dense", {c.hidden, c.hidden}),
        norm(w / "cls" / "predictions" / "transform" / "LayerNorm", c.hidden, c.eps),
        activation(c.activation) {}

  Tensor operator()(const Steps& steps) const {  // -> [R,D]
    Tensor x = embeddings(steps.ids, steps.positions);
    for (const TextLayer& layer : layers) {
      x = layer(
          x, [&](const Tensor& qkv) { return attend_causal(qkv, layer.attention, steps); },
          [&](const Tensor& queries) { return attend_source(queries, layer.attention, steps); });
      steps.note(layer.path, x);
    }
    return norm(dense(steps.wanted(x, true), activation));
  }
};

Seq2SeqNet build_blip(const Fields& config, const Weights& w) {
  const BlipVisionConfig vision(config.object("vision_config"));
  const Fields text = config.object("text_config");
  const TextConfig beside_picture(text, vision.block.hidden);
  const bool answers = class_of(config).ends_with("ForQuestionAnswering");
  const TextConfig c(text, answers ? beside_picture.hidden : vision.block.hidden);
  const Weights at = w / "text_decoder", predictions = at / "cls" / "predictions";
  const TextDecoder decoder(c, at);
  const std::vector<CacheLayer> cache(c.layers, {c.heads, c.size, 0});
  Seq2SeqNet net;
  net.see = VisionModel(vision, w / "vision_model");
  if (answers) net.ask = QuestionReader(beside_picture, w / "text_encoder");
  net.seen = [decoder](const Tensor& encoded, std::int64_t layer) {
    return decoder.layers[layer].cross_key_value(encoded);
  };
  net.sources = cache;
  net.source_vocab = c.vocab;
  net.source_positions =
      answers ? c.positions
              : 1 + Grid{vision.picture.height / vision.patch.height,
                         vision.picture.width / vision.patch.width}
                        .cells();
  net.decoder = {.hidden = decoder,
                 .logits = vocabulary_product(text, predictions / "decoder", predictions,
                                              at / "bert" / "embeddings" / "word_embeddings",
                                              c.hidden),
                 .cache = cache,
                 .vocab = c.vocab,
                 .positions = c.positions,
                 .size = c.hidden};
  return net;
}

}  // namespace

extern const Architecture blip{
    .types = {"blip"},
    .base = "blip",
    .seq2seq = build_blip,
    .sees = true,
};

}  // namespace hft
