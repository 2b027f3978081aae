// Deformable DETR (arXiv:2010.04159): attention of cells and queries to a few places of several levels;
// as configs say, boxes that move from layer to layer, and queries that are the best cells. Checked
// against the configs of SenseTime/deformable-detr, -with-box-refine and -with-box-refine-two-stage.
// Shapes: T cells of all levels of a picture, Q queries, D hidden.
#include <cmath>
#include <limits>

#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/models/architecture.h"
#include "core/models/vision/detr.h"
#include "core/nn/deformable_attention.h"
#include "core/nn/group_norm.h"

namespace hft {
namespace {

constexpr std::int64_t kDeformableGroups = 32;

struct DeformableShape {
  std::int64_t size, levels, encoder_layers, decoder_layers, encoder_heads, decoder_heads, encoder_ffn,
      decoder_ffn, encoder_points, decoder_points, labels, queries;
  bool refines, two_stage;
  Activation activation;
  explicit DeformableShape(const Fields& config)
      : size(config.integer("d_model", 4, limits::kHidden, 256)),
        levels(config.integer("num_feature_levels", 1, 64, 4)),
        encoder_layers(config.integer("encoder_layers", 0, limits::kLayers, 6)),
        decoder_layers(config.integer("decoder_layers", 1, limits::kLayers, 6)),
        encoder_heads(config.integer("encoder_attention_heads", 1, limits::kHidden, 8)),
        decoder_heads(config.integer("decoder_attention_heads", 1, limits::kHidden, 8)),
        encoder_ffn(config.integer("encoder_ffn_dim", 1, limits::kHidden, 1024)),
        decoder_ffn(config.integer("decoder_ffn_dim", 1, limits::kHidden, 1024)),
        encoder_points(config.integer("encoder_n_points", 1, 1024, 4)),
        decoder_points(config.integer("decoder_n_points", 1, 1024, 4)),
        labels(label_count(config)),
        refines(config.boolean("with_box_refine", false)),
        two_stage(config.boolean("two_stage", false)),
        activation(activation_named(config.text("activation_function", "relu"), config.where())) {
    queries = config.integer(two_stage ? "two_stage_num_proposals" : "num_queries", 1, 100'000, 300);
    head_size(config, size, encoder_heads);
    head_size(config, size, decoder_heads);
    const auto kind = config.text("position_embedding_type", "sine");
    if (kind != "sine" || size % kDeformableGroups != 0)
      fail(Errc::kUnsupported, config.where(), ": position_embedding_type '", kind, "' of d_model ", size,
           " is not supported, wanted sine and a multiple of ", kDeformableGroups);
    if (two_stage && !refines)
      fail(Errc::kBadData, config.where(), ": 'two_stage' is true, but 'with_box_refine' is not");
  }
};

// Products of an attention to places of all levels.
struct DeformableProducts {
  Linear offsets, weights, value, output;
  std::int64_t heads;
  DeformableProducts(const Weights& w, std::int64_t size, std::int64_t heads, std::int64_t places)
      : offsets(w / "sampling_offsets", {heads * places * 2, size}),
        weights(w / "attention_weights", {heads * places, size}),
        value(w / "value_proj", {size, size}),
        output(w / "output_proj", {size, size}),
        heads(heads) {}
};

struct DeformableEncoderLayer {
  DeformableProducts self_attn;
  LayerNorm self_attn_norm, final_norm;
  Linear fc1, fc2;
  Activation activation;
  std::string path;
  DeformableEncoderLayer(const DeformableShape& s, const Weights& w)
      : self_attn(w / "self_attn", s.size, s.encoder_heads, s.levels * s.encoder_points),
        self_attn_norm(w / "self_attn_layer_norm", s.size, 1e-5),
        final_norm(w / "final_layer_norm", s.size, 1e-5),
        fc1(w / "fc1", {s.encoder_ffn, s.size}),
        fc2(w / "fc2", {s.size, s.encoder_ffn}),
        activation(s.activation),
        path(w.path()) {}
  Tensor operator()(const Tensor& x, const Tensor& positions, const std::vector<Grid>& levels) const {
    const Tensor placed = x + positions;
    const Tensor mixed = attend_deformably(self_attn.value(x), self_attn.offsets(placed),
                                           self_attn.weights(placed), levels, self_attn.heads);
    const Tensor y = self_attn_norm(x + self_attn.output(mixed));
    return final_norm(y + fc2(fc1(y, activation)));
  }
};

struct DeformableDecoderLayer {
  DetrAttention self_attn;
  DeformableProducts encoder_attn;
  LayerNorm self_attn_norm, encoder_attn_norm, final_norm;
  Linear fc1, fc2;
  std::int64_t points;
  Activation activation;
  std::string path;
  DeformableDecoderLayer(const DeformableShape& s, const Weights& w)
      : self_attn(w / "self_attn", s.size, s.decoder_heads),
        encoder_attn(w / "encoder_attn", s.size, s.decoder_heads, s.levels * s.decoder_points),
        self_attn_norm(w / "self_attn_layer_norm", s.size, 1e-5),
        encoder_attn_norm(w / "encoder_attn_layer_norm", s.size, 1e-5),
        final_norm(w / "final_layer_norm", s.size, 1e-5),
        fc1(w / "fc1", {s.decoder_ffn, s.size}),
        fc2(w / "fc2", {s.size, s.decoder_ffn}),
        points(s.decoder_points),
        activation(s.activation),
        path(w.path()) {}

  // from [Q,2] or [Q,4] float32: points, or boxes
  Tensor operator()(const Tensor& x, const Tensor& positions, const Tensor& from, const Tensor& source,
                    const std::vector<Grid>& levels) const {
    const Tensor y = self_attn_norm(x + self_attn.output(self_attn(x, positions, one_sequence(x))));
    const Tensor placed = y + positions;
    const Tensor mixed = attend_at(encoder_attn.value(source), places(placed, from, levels),
                                   encoder_attn.weights(placed), levels, encoder_attn.heads);
    const Tensor z = encoder_attn_norm(y + encoder_attn.output(mixed));
    return final_norm(z + fc2(fc1(z, activation)));
  }

 private:
  // Offsets are in cells of each level, or in parts of the box.
  Tensor places(const Tensor& placed, const Tensor& from, const std::vector<Grid>& levels) const {
    const auto count = static_cast<std::int64_t>(levels.size());
    const Tensor offsets = encoder_attn.offsets(placed).to(at::kFloat).view(
        {placed.size(0), encoder_attn.heads, count, points, 2});  // [Q,H,L,P,2]
    const auto wide = [&](std::int64_t first) {
      return from.narrow(1, first, 2).contiguous().view({-1, 1, 1, 1, 2});
    };
    Tensor steps;
    if (from.size(1) == 4) {
      steps = offsets / static_cast<double>(points) * wide(2) * 0.5;
    } else {
      std::vector<Tensor> sides;
      for (const Grid& level : levels) sides.push_back(at::tensor({level.width, level.height}, at::kFloat));
      steps = offsets / at::stack(sides).to(offsets.device()).view({count, 1, 2});
    }
    return (wide(0) + steps).flatten(1);
  }
};

// The levels of a picture: maps of the backbone and coarser ones, all equally wide.
struct DeformableLevels {
  ResNetShape backbone_shape;
  ResNet backbone;
  std::vector<std::int64_t> stages;
  std::vector<Conv2d> projections;
  std::vector<GroupNorm> norms;
  Tensor level_embed;  // [L,D]

  DeformableLevels(const Fields& config, const DeformableShape& s, const Weights& w)
      : backbone(detr_backbone(config, w, backbone_shape)),
        level_embed(w.small("level_embed", {s.levels, s.size})) {
    const auto& widths = backbone_shape.widths;
    const Fields own = config.object("backbone_config");
    const bool timm = config.boolean("use_timm_backbone", own.json().empty());
    stages = seen_stages(timm ? Fields(Json::object(), config.where()) : own, std::ssize(widths));
    if (s.levels == 1) stages = {stages.back()};
    if (std::ssize(stages) > s.levels)
      fail(Errc::kBadData, config.where(), ": 'num_feature_levels' is ", s.levels,
           ", but the backbone gives ", stages.size());
    for (std::int64_t i = 0; i < s.levels; ++i) {
      const Weights at = w / "input_proj" / i;
      const bool of_backbone = i < std::ssize(stages), first = i == std::ssize(stages);
      const auto in = of_backbone ? widths[stages[i]] : first ? widths[stages.back()] : s.size;
      projections.emplace_back(
          at / 0, of_backbone ? Conv2d::Shape{in, s.size} : Conv2d::Shape{in, s.size, 3, 2, 1});
      norms.emplace_back(at / 1, s.size, kDeformableGroups);
    }
  }

  std::vector<Cells> operator()(const Pictures& picture) const {
    const std::vector<Cells> maps = backbone(picture);
    std::vector<Cells> levels;
    for (std::size_t i = 0; i < projections.size(); ++i) {
      const Cells in = i < stages.size()    ? maps[stages[i]]
                       : i == stages.size() ? maps[stages.back()]
                                            : levels.back();
      levels.push_back(norms[i](projections[i](in)));
    }
    return levels;
  }
};

// What is known of the queries before the decoder.
struct DeformableQueries {
  Tensor x, positions, from;  // [Q,D] each; [Q,2] or [Q,4] float32
};

// Queries that are embeddings of their own.
struct LearnedQueries {
  Tensor embeddings;  // [Q,2D]
  Linear reference_points;
  LearnedQueries(const DeformableShape& s, const Weights& w)
      : embeddings((w / "query_position_embeddings").small("weight", {s.queries, 2 * s.size})),
        reference_points(w / "reference_points", {2, s.size}) {}
  DeformableQueries operator()() const {
    const auto size = embeddings.size(1) / 2;
    const Tensor positions = embeddings.narrow(1, 0, size).contiguous();
    return {embeddings.narrow(1, size, size).contiguous(), positions,
            reference_points(positions).to(at::kFloat).sigmoid()};
  }
};

// The cells' own boxes before their sigmoid, [T,4]; infinite where they are too near the edge, and false
// in `valid` [T,1].
Tensor cell_boxes(const std::vector<Grid>& levels, Tensor& valid) {
  constexpr double kEdge = 0.01;
  std::vector<Tensor> all;
  double side = 0.05;
  for (const Grid& grid : levels) {
    const Tensor cells = at::arange(grid.cells(), at::kLong);
    const auto centre = [](const Tensor& at, std::int64_t count) {
      return (at.to(at::kFloat) + 0.5) / static_cast<double>(count);
    };
    const Tensor edge = at::full({grid.cells()}, side, at::kFloat);
    all.push_back(at::stack({centre(at::remainder(cells, grid.width), grid.width),
                             centre(at::floor_divide(cells, grid.width), grid.height), edge, edge}, 1));
    side *= 2;
  }
  const Tensor boxes = at::concat(all);
  valid = at::logical_and(boxes > kEdge, boxes < 1 - kEdge).all(1, true);
  return at::log(boxes / (1 - boxes))
      .masked_fill(valid.logical_not(), std::numeric_limits<double>::infinity());
}

// Queries that are the best cells of the encoder, by the score of the first label.
struct ProposedQueries {
  Linear enc_output, pos_trans, class_embed;
  LayerNorm enc_output_norm, pos_trans_norm;
  BoxHead bbox_embed;
  std::int64_t count;
  ProposedQueries(const DeformableShape& s, const Weights& w, const Weights& classes, const Weights& boxes)
      : enc_output(w / "enc_output", {s.size, s.size}),
        pos_trans(w / "pos_trans", {2 * s.size, 2 * s.size}),
        class_embed(classes, {s.labels, s.size}),
        enc_output_norm(w / "enc_output_norm", s.size, 1e-5),
        pos_trans_norm(w / "pos_trans_norm", 2 * s.size, 1e-5),
        bbox_embed(boxes, s.size, s.size, 4, 3),
        count(s.queries) {}

  DeformableQueries operator()(const Tensor& source, const std::vector<Grid>& levels) const {
    const auto size = source.size(1);
    if (source.size(0) < count)
      fail(Errc::kBadData, "a picture has ", source.size(0), " cells, but the model has ", count, " queries");
    Tensor valid;
    const Tensor own = cell_boxes(levels, valid).to(source.device());
    const Tensor seen = enc_output_norm(enc_output(source * valid.to(source.device(), source.scalar_type())));
    const Tensor best = std::get<1>(at::topk(class_embed.in_float(seen).select(1, 0), count));  // [Q]
    const Tensor from =
        (bbox_embed(seen.index_select(0, best)).to(at::kFloat) + own.index_select(0, best)).sigmoid();
    const Tensor both = pos_trans_norm(pos_trans(box_sines(from, size).to(source.scalar_type())));
    return {both.narrow(1, size, size).contiguous(), both.narrow(1, 0, size).contiguous(), from};
  }

 private:
  // Sines and cosines of a box's four numbers, [Q,2*size].
  static Tensor box_sines(const Tensor& boxes, std::int64_t size) {
    const auto half = size / 2;
    const Tensor steps = at::floor_divide(at::arange(half, at::kLong), 2).to(at::kFloat);
    const Tensor divisors = at::pow(10000.0, steps * 2 / static_cast<double>(half)).to(boxes.device());
    const Tensor angles = (boxes * (2 * M_PI)).unsqueeze(2) / divisors;  // [Q,4,half]
    const Tensor pairs = angles.view({boxes.size(0), 4, half / 2, 2});
    return at::stack({pairs.select(3, 0).sin(), pairs.select(3, 1).cos()}, 3).flatten(1);
  }
};

struct DeformableDetr {
  DeformableShape shape;
  DeformableLevels levels;
  std::vector<DeformableEncoderLayer> encoder;
  std::vector<DeformableDecoderLayer> decoder;
  std::vector<BoxHead> bbox_embed;  // of each layer, or one for all
  Linear class_embed;
  std::optional<LearnedQueries> learned;
  std::optional<ProposedQueries> proposed;

  DeformableDetr(const Fields& config, const Weights& w)
      : shape(config), levels(config, shape, w / "model") {
    const Weights model = w / "model";
    for (std::int64_t i = 0; i < shape.encoder_layers; ++i)
      encoder.emplace_back(shape, model / "encoder" / "layers" / i);
    for (std::int64_t i = 0; i < shape.decoder_layers; ++i)
      decoder.emplace_back(shape, model / "decoder" / "layers" / i);
    // Heads that several places share are in the file once.
    for (const Weights& place : {w, model / "decoder"})
      for (const char* name : {"class_embed", "bbox_embed"}) (place / name).ignore();
    const auto head = [&](const char* name, const std::string& part, std::int64_t i) {
      const Weights of_decoder = model / "decoder" / name / i, own = w / name / i;
      return !own.has(part + "weight") && of_decoder.has(part + "weight") ? of_decoder : own;
    };
    const auto boxes = [&](std::int64_t i) { return head("bbox_embed", "layers.0.", i); };
    const auto last = shape.refines ? shape.decoder_layers - 1 : 0;
    for (std::int64_t i = 0; i <= last; ++i) bbox_embed.emplace_back(boxes(i), shape.size, shape.size, 4, 3);
    class_embed = Linear(head("class_embed", "", last), {shape.labels, shape.size});
    if (shape.two_stage)
      proposed.emplace(shape, model, head("class_embed", "", last + 1), boxes(last + 1));
    else
      learned.emplace(shape, model);
  }

  SeenTensors operator()(const Pictures& picture) const {
    std::vector<Tensor> parts, places;
    std::vector<Grid> grids;
    const std::vector<Cells> maps = levels(picture);
    for (std::size_t i = 0; i < maps.size(); ++i) {
      parts.push_back(maps[i].x);
      places.push_back(sine_positions(maps[i], shape.size, 0.5f) +
                       levels.level_embed[static_cast<std::int64_t>(i)]);
      grids.push_back(maps[i].grids[0]);
    }
    Tensor source = at::concat(parts);  // [T,D]
    const Tensor positions = at::concat(places);
    for (const auto& layer : encoder) {
      source = layer(source, positions, grids);
      picture.note(layer.path, source);
    }
    DeformableQueries queries = proposed ? (*proposed)(source, grids) : (*learned)();
    Tensor boxes;
    for (std::size_t i = 0; i < decoder.size(); ++i) {
      queries.x = decoder[i](queries.x, queries.positions, queries.from, source, grids);
      picture.note(decoder[i].path, queries.x);
      if (!shape.refines && i + 1 < decoder.size()) continue;
      boxes = moved(bbox_embed[shape.refines ? i : 0](queries.x).to(at::kFloat), queries.from);
      if (shape.refines) queries.from = boxes;
    }
    return {.logits = class_embed(queries.x), .boxes = boxes};
  }

 private:
  // Boxes [Q,4] by what is added to points or boxes before their sigmoid.
  static Tensor moved(const Tensor& by, const Tensor& from) {
    const auto known = from.size(1);
    const Tensor first = by.narrow(1, 0, known) + inverse_sigmoid(from);
    return at::concat({first, by.narrow(1, known, 4 - known)}, 1).sigmoid();
  }
};

ImageNet build_deformable_detr(const Fields& config, const Weights& w, ImageHead) {
  const DeformableDetr detr(config, w);
  ImageNet net{.channels = detr.levels.backbone_shape.channels};
  net.see = one_by_one(detr);
  return net;
}

constexpr ImageHead kDeformableDetrHeads[] = {ImageHead::kDetect};

}  // namespace

extern const Architecture deformable_detr{
    .types = {"deformable_detr"},
    .image = build_deformable_detr,
    .image_heads = kDeformableDetrHeads,
};

}  // namespace hft
