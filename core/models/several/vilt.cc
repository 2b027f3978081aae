// ViLT: a question's tokens and a picture's patches through one transformer, whose first token says
// which of the answers it knows are right. Paper: arXiv:2102.03334. Checked against the config of
// dandelin/vilt-b32-finetuned-vqa.
// Golden: tests/golden/vilt-*.
// Shapes: N tokens and patches of all questions together, D hidden, L answers.
#include "core/base/error.h"
#include "core/models/architecture.h"
#include "core/models/encoders/bert.h"
#include "core/models/vision/vit.h"

namespace hft {
namespace {

struct ViltConfig {
  VitConfig vit;
  BertConfig text;
  std::int64_t kinds;
  explicit ViltConfig(const Fields& config)
      : vit(config), text(config), kinds(config.integer("modality_type_vocab_size", 2, 1024, 2)) {
    if (config.integer("max_image_length", -1, 1 << 30, -1) >= 0)
      fail(Errc::kUnsupported, config.where(),
           ": 'max_image_length' leaves out patches at random, wanted -1, which leaves out none");
  }
};

struct ViltEmbeddings {
  BertEmbeddings text_embeddings;
  Patches patches;
  Tensor cls_token, positions;  // [1,D], [1 + cells of `grid`, D]
  Embedding token_type_embeddings;
  Grid grid;
  std::string path;

  ViltEmbeddings(const ViltConfig& c, const Weights& w)
      : text_embeddings(c.text, w / "text_embeddings", c.text.hidden),
        patches(w / "patch_embeddings" / "projection", c.vit.channels, c.vit.patch, c.text.hidden),
        cls_token(w.small("cls_token", {1, 1, c.text.hidden})),
        positions(w.small("position_embeddings", {1, 1 + c.vit.grid.cells(), c.text.hidden})),
        token_type_embeddings(w / "token_type_embeddings", c.kinds, c.text.hidden),
        grid(c.vit.grid),
        path(w.path()) {
    if (cls_token.defined()) cls_token = cls_token[0];
    if (positions.defined()) positions = positions[0];
  }

  // A picture's first token and its patches, their positions resampled.
  Tensor of_picture(const Tensor& cells, const Grid& own) const {  // -> [1 + cells, D]
    Tensor table = positions.narrow(0, 1, grid.cells());
    if (!(own == grid))
      table = at::upsample_bilinear2d(Cells{table, {grid}}.plane(0).to(at::kFloat),
                                      {own.height, own.width}, true)[0]
                  .flatten(1)
                  .t()
                  .to(cells.scalar_type());
    return at::concat({cls_token + positions.narrow(0, 0, 1), cells + table}) + kind(1);
  }
  Tensor kind(std::int64_t i) const {  // [1,D]
    return token_type_embeddings(at::full({1}, i, positions.options().dtype(at::kLong)));
  }

  // Question after question, each before its picture.
  std::pair<Tensor, Sequences> operator()(const Pictures& pictures, const Tokens& questions,
                                          std::span<const std::int32_t> of) const {
    const Cells cells = patches(pictures.pixels);
    const Sequences seen = cells.sequences();
    const Tensor asked = text_embeddings(questions, questions.seqs.positions()) + kind(0);
    std::vector<Tensor> parts;
    Sequences seqs;
    seqs.device = questions.seqs.device;
    for (std::int64_t b = 0; b < questions.seqs.count(); ++b) {
      parts.push_back(asked.narrow(0, questions.seqs.starts[b], questions.seqs.length(b)));
      const std::int64_t picture = of[static_cast<std::size_t>(b)];
      parts.push_back(of_picture(cells.x.narrow(0, seen.starts[picture], seen.length(picture)),
                                 cells.grids[static_cast<std::size_t>(picture)]));
      seqs.starts.push_back(seqs.tokens() + parts.end()[-2].size(0) + parts.back().size(0));
    }
    Tensor x = at::concat(parts);
    pictures.note(path, x);
    return {x, seqs};
  }
};

struct Vilt {
  ViltEmbeddings embeddings;
  std::vector<VitBlock> layer;
  LayerNorm layernorm;
  Linear pooler;

  Vilt(const ViltConfig& c, const Weights& w)
      : embeddings(c, w / "embeddings"),
        layernorm(w / "layernorm", c.text.hidden, c.text.eps),
        pooler(w / "pooler" / "dense", {c.text.hidden, c.text.hidden}) {
    for (std::int64_t i = 0; i < c.vit.layers; ++i)
      layer.emplace_back(c.vit.block, kVitNames, w / "encoder" / "layer" / i);
  }

  Tensor operator()(const Pictures& pictures, const Tokens& questions,
                    std::span<const std::int32_t> of) const {  // -> [B,D]
    auto [x, seqs] = embeddings(pictures, questions, of);
    const Tensor first = seqs.first_rows();
    for (const VitBlock& block : layer) {
      x = block(x, seqs, {}, &block == &layer.back() ? first : Tensor());
      pictures.note(block.path, x);
    }
    if (layer.empty()) x = x.index_select(0, first);
    return pooler(layernorm(x), Activation::kTanh);
  }
};

ImageNet build_vilt(const Fields& config, const Weights& w, ImageHead) {
  const ViltConfig c(config);
  const auto hidden = c.text.hidden;
  const Weights at = w / "classifier";
  ImageNet net{.channels = c.vit.channels, .pixels = kPassTokens * c.vit.patch.cells()};
  net.texts.vocab = c.text.vocab;
  net.texts.positions = c.text.positions;
  net.answer = [vilt = Vilt(c, w / "vilt"), first = Linear(at / 0, {2 * hidden, hidden}),
                norm = LayerNorm(at / 1, 2 * hidden, 1e-5),
                last = Linear(at / 3, {label_count(config), 2 * hidden})](
                   const Pictures& pictures, const Tokens& questions,
                   std::span<const std::int32_t> of) {
    return last(activate(norm(first(vilt(pictures, questions, of))), Activation::kGelu));
  };
  return net;
}

constexpr ImageHead kViltHeads[] = {ImageHead::kAnswer};

}  // namespace

extern const Architecture vilt{
    .types = {"vilt"},
    .base = "vilt",
    .image = build_vilt,
    .image_heads = kViltHeads,
};

}  // namespace hft
