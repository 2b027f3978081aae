// LayoutLMv3: a page's words where they stand and the patches of its picture through one encoder,
// whose attention is biased by distances in the text and on the page. Paper: arXiv:2204.08387.
// Checked against the configs of microsoft/layoutlmv3-base and rubentito/layoutlmv3-base-mpdocvqa.
// Golden: tests/golden/layoutlmv3-*.
// Shapes: N tokens of all texts together, T of one with its picture, D hidden, H heads.
#include <algorithm>
#include <cmath>

#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/models/architecture.h"
#include "core/models/encoders/roberta.h"
#include "core/models/vision/vit.h"
#include "core/nn/attention.h"
#include "core/nn/learning.h"
#include "core/nn/relative_bias.h"

namespace hft {
namespace {

constexpr std::int64_t kSide = 1000;     // of a page, in which boxes are measured
constexpr std::int64_t kFarthest = 1023;  // modeling_layoutlmv3.py clips heights and widths so
constexpr double kPictureEps = 1e-6;      // likewise in the code

struct LayoutLmV3Config {
  BertConfig text;
  std::int64_t padding, places, coordinate, shape, channels, picture, patch;
  bool by_position, by_place, sees;
  RelativeBias::Buckets positions, distances;

  explicit LayoutLmV3Config(const Fields& config)
      : text(config),
        padding(config.integer("pad_token_id", 0, text.positions - 2, 1)),
        places(config.integer("max_2d_position_embeddings", 1, limits::kPositions, 1024)),
        coordinate(config.integer("coordinate_size", 1, limits::kHidden, 128)),
        shape(config.integer("shape_size", 1, limits::kHidden, 128)),
        channels(config.integer("num_channels", 1, 1024, 3)),
        picture(config.integer("input_size", 1, limits::kImagePixels, 224)),
        patch(config.integer("patch_size", 1, picture, 16)),
        by_position(config.boolean("has_relative_attention_bias", true)),
        by_place(config.boolean("has_spatial_attention_bias", true)),
        sees(config.boolean("visual_embed", true)),
        positions(buckets(config, "rel_pos_bins", 32, "max_rel_pos", 128)),
        distances(buckets(config, "rel_2d_pos_bins", 64, "max_rel_2d_pos", 256)) {
    text.eps = config.real("layer_norm_eps", 0, 1, 1e-5);
    if (!config.boolean("text_embed", true))
      fail(Errc::kUnsupported, config.where(), ": 'text_embed' is false, wanted a model of words");
    if (4 * coordinate + 2 * shape != text.hidden)
      fail(Errc::kBadData, config.where(), ": four times coordinate_size ", coordinate,
           " and twice shape_size ", shape, " are not the hidden size ", text.hidden);
  }

  Grid grid() const { return {picture / patch, picture / patch}; }

 private:
  static RelativeBias::Buckets buckets(const Fields& config, const std::string& bins,
                                       std::int64_t count, const std::string& farthest,
                                       std::int64_t distance) {
    return {.count = config.integer(bins, 4, limits::kHidden, count),
            .farthest = config.integer(farthest, 2, limits::kPositions, distance),
            .both_ways = true,
            .by_heads = true};
  }
};

struct WordEmbeddings {
  BertEmbeddings words;
  Embedding x_position_embeddings, y_position_embeddings, h_position_embeddings,
      w_position_embeddings;
  std::int64_t padding;

  WordEmbeddings(const LayoutLmV3Config& c, const Weights& w)
      : words(c.text, w, c.text.hidden),
        x_position_embeddings(w / "x_position_embeddings", c.places, c.coordinate),
        y_position_embeddings(w / "y_position_embeddings", c.places, c.coordinate),
        h_position_embeddings(w / "h_position_embeddings", c.places, c.shape),
        w_position_embeddings(w / "w_position_embeddings", c.places, c.shape),
        padding(c.padding) {}

  Tensor operator()(const Tokens& tokens, const Tensor& boxes) const {  // boxes [N,4] -> [N,D]
    const auto side = [&](std::int64_t i) { return boxes.select(1, i); };
    const auto across = [&](std::int64_t from, std::int64_t to) {
      return (side(to) - side(from)).clamp(0, kFarthest);
    };
    const Tensor place = at::concat(
        {x_position_embeddings(side(0)), y_position_embeddings(side(1)),
         x_position_embeddings(side(2)), y_position_embeddings(side(3)),
         h_position_embeddings(across(1, 3)), w_position_embeddings(across(0, 2))},
        1);
    return words(tokens, positions_after_padding(tokens, padding), place);
  }
};

// A first token and the patches of a page's picture.
struct PageSeen {
  Patches proj;
  Tensor cls_token, pos_embed;  // [1,D], [1 + patches, D]
  LayerNorm norm, joint_norm;   // of a picture's tokens, of words and picture together
  Tensor boxes;                 // [1 + patches, 4] where each stands on the page

  PageSeen(const LayoutLmV3Config& c, const Weights& w)
      : proj(w / "patch_embed" / "proj", c.channels, {c.patch, c.patch}, c.text.hidden),
        cls_token(w.small("cls_token", {1, 1, c.text.hidden})),
        pos_embed(w.small("pos_embed", {1, 1 + c.grid().cells(), c.text.hidden})),
        norm(w / "norm", c.text.hidden, kPictureEps),
        joint_norm(w / "LayerNorm", c.text.hidden, c.text.eps),
        boxes(boxes_of(c.grid())) {
    if (cls_token.defined()) cls_token = cls_token[0];
    if (pos_embed.defined()) pos_embed = pos_embed[0];
  }

  Tensor operator()(const Tensor& page) const {  // [C,H,W] -> [1 + patches, D]
    return norm(at::concat({cls_token, proj({page}).x}) + pos_embed);
  }

 private:
  static Tensor boxes_of(const Grid& grid) {
    std::vector<std::int64_t> sides{1, 1, kSide - 1, kSide - 1};
    for (std::int64_t y = 0; y < grid.height; ++y)
      for (std::int64_t x = 0; x < grid.width; ++x)
        for (const std::int64_t i : {0, 1}) {  // its upper left corner, its lower right one
          sides.push_back((x + i) * kSide / grid.width);
          sides.push_back((y + i) * kSide / grid.height);
        }
    return at::tensor(sides, at::kLong).view({-1, 4});
  }
};

// Of the scores of all layers.
struct DistanceBiases {
  RelativeBias rel_pos_bias, rel_pos_x_bias, rel_pos_y_bias;
  bool by_position, by_place;
  double scale;

  DistanceBiases(const LayoutLmV3Config& c, const Weights& w)
      : by_position(c.by_position),
        by_place(c.by_position && c.by_place),  // the reference adds the second to the first alone
        scale(1 / std::sqrt(static_cast<double>(c.text.hidden / c.text.heads))) {
    const auto table = [&](const char* name, const RelativeBias::Buckets& buckets) {
      return RelativeBias(w / name, c.text.heads, buckets);
    };
    if (by_position) rel_pos_bias = table("rel_pos_bias", c.positions);
    if (!c.by_place) return;
    rel_pos_x_bias = table("rel_pos_x_bias", c.distances);
    rel_pos_y_bias = table("rel_pos_y_bias", c.distances);
  }

  // positions [T], boxes [T,4] -> [H,T,T]; undefined where there is none.
  Tensor operator()(const Tensor& positions, const Tensor& boxes) const {
    if (!by_position) return {};
    Tensor bias = between(rel_pos_bias, positions, positions.size(0));
    if (by_place)
      bias = bias + between(rel_pos_x_bias, boxes.select(1, 0), kSide + 1) +
             between(rel_pos_y_bias, boxes.select(1, 3), kSide + 1);
    return bias;
  }

 private:
  // By the place of the key less that of the query; places are in [0, count).
  Tensor between(const RelativeBias& table, const Tensor& places, std::int64_t count) const {
    const Tensor apart = places.unsqueeze(0) - places.unsqueeze(1) + (count - 1);  // [T,T]
    return (table(count) * scale)
        .index_select(1, apart.flatten())
        .view({-1, apart.size(0), apart.size(1)});
  }
};

struct LayoutLmV3 {
  WordEmbeddings embeddings;
  std::optional<PageSeen> seen;
  DistanceBiases biases;
  std::vector<BertLayer> layer;
  std::string path;

  LayoutLmV3(const LayoutLmV3Config& c, const Weights& w)
      : embeddings(c, w / "embeddings"), biases(c, w / "encoder"), path(w.path()) {
    if (c.sees) seen.emplace(c, w);
    for (std::int64_t i = 0; i < c.text.layers; ++i)
      layer.emplace_back(c.text, c.text.heads, w / "encoder" / "layer" / i);
  }

  // Each text before its picture, and what attention is biased by.
  struct Joint {
    Tensor x;
    Tokens tokens;
    std::vector<Tensor> biases;  // of each text
  };

  Joint join(const Tokens& tokens) const {
    const Sequences& seqs = tokens.seqs;
    const Tensor all = tokens.boxes.defined()
                           ? tokens.boxes
                           : at::zeros({seqs.tokens(), 4}, tokens.ids.options());
    const Tensor words = embeddings(tokens, all);  // [N,D]
    Joint joint;
    joint.tokens.watch = tokens.watch;
    joint.tokens.seqs.device = seqs.device;
    std::vector<Tensor> parts, rows;
    for (std::int64_t b = 0; b < seqs.count(); ++b) {
      const auto length = seqs.length(b);
      Tensor x = words.narrow(0, seqs.starts[b], length),
             boxes = all.narrow(0, seqs.starts[b], length);
      Tensor positions = at::arange(length, all.options());
      rows.push_back(positions + joint.tokens.seqs.tokens());
      if (!tokens.pages.empty() && tokens.pages[static_cast<std::size_t>(b)].defined()) {
        const Tensor picture = (*seen)(tokens.pages[static_cast<std::size_t>(b)]);
        x = dropped(seen->joint_norm(at::concat({x, picture})), &Noise::embedding);
        boxes = at::concat({boxes, seen->boxes.to(boxes.device())});
        positions = at::concat({positions, at::arange(picture.size(0), all.options())});
      }
      joint.tokens.seqs.starts.push_back(joint.tokens.seqs.tokens() + x.size(0));
      joint.biases.push_back(biases(positions, boxes));
      parts.push_back(x);
    }
    joint.x = at::concat(parts);
    joint.tokens.rows = at::concat(rows);  // those of words
    if (tokens.rows.defined()) joint.tokens.rows = joint.tokens.rows.index_select(0, tokens.rows);
    tokens.note(path, joint.x);
    return joint;
  }

  Tensor operator()(const Tokens& all) const {  // -> [R,D]
    const Joint joint = join(all);
    const Tokens& tokens = joint.tokens;
    Tensor x = joint.x;
    if (layer.empty()) return wanted(x, tokens, true);
    for (const auto& each : layer) {
      const Tensor mixed =
          attend_apart(each.query_key_value(x), each.heads, tokens.seqs, joint.biases);
      x = each.after(mixed, x, tokens, &each == &layer.back());
    }
    return x;
  }
};

TextNet build_layoutlmv3(const Fields& config, const Weights& w, Head) {
  const LayoutLmV3Config c(config);
  const Weights at = w / "layoutlmv3";
  return {.encode = LayoutLmV3(c, at),
          .head = roberta_classifier(config, c.text.hidden, w / "qa_outputs"),
          .vocab = c.text.vocab,
          .types = c.text.types,
          .positions = c.text.positions - c.padding - 1,
          .places = std::min(c.places, kSide + 1),
          .page = c.sees ? PageSight{c.channels, c.picture, c.picture} : PageSight{},
          .hidden = c.text.hidden};
}

constexpr Head kLayoutLmV3Heads[] = {Head::kAnswer};

}  // namespace

extern const Architecture layoutlmv3{
    .types = {"layoutlmv3"},
    .base = "layoutlmv3",
    .heads = kLayoutLmV3Heads,
    .encoder = build_layoutlmv3,
    .reads_pages = true,
};

}  // namespace hft
