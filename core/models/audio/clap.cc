// CLAP (arXiv:2211.06687): a Swin for spectrograms (HTS-AT, arXiv:2202.00874) and a RoBERTa for
// texts, whose vectors share one space. Checked against the configs of
// laion/clap-htsat-unfused and clap-htsat-fused.
#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/models/architecture.h"
#include "core/models/encoders/roberta.h"
#include "core/models/vision/swin.h"
#include "core/nn/conv2d.h"

namespace hft {
namespace {

// ClapAudioConfig under the names of SwinConfig.
Fields as_swin(const Fields& config) {
  Json fields = config.json();
  const auto put = [&](const char* to, const char* from, Json fallback) {
    const Json* own = config.find(from);
    fields[to] = own ? *own : std::move(fallback);
  };
  put("embed_dim", "patch_embeds_hidden_size", 96);
  put("num_heads", "num_attention_heads", {4, 8, 16, 32});
  put("num_channels", "patch_embed_input_channels", 1);
  put("window_size", "window_size", 8);
  return {std::move(fields), config.where()};
}

// Two products, the size of the space in between.
struct Projection {
  Linear linear1, linear2;
  Activation activation;
  Projection(const Fields& config, const Weights& w, std::int64_t hidden, std::int64_t size)
      : linear1(w / "linear1", {size, hidden}),
        linear2(w / "linear2", {size, size}),
        activation(
            activation_named(config.text("projection_hidden_act", "relu"), config.where())) {}
  Tensor operator()(const Tensor& x) const { return linear2(linear1(x, activation)); }
};

// A product, then a batch norm.
struct NormedProduct {
  Linear linear;
  BatchNorm norm;
  NormedProduct(const Weights& w, const std::string& conv, const std::string& norm, std::int64_t in,
                std::int64_t out)
      : linear(w / conv, {{"", out, {.kernel = {in, 1, 1}}}}, in), norm(w / norm, out, 1e-5) {}
  Tensor operator()(const Tensor& x) const {
    const Tensor y = linear(x).to(at::kFloat);
    return ((y - norm.mean) / (norm.variance + norm.eps).sqrt() * norm.weight + norm.bias).to(x.scalar_type());
  }
};

// What is heard of the whole sound and of its pieces, each with its share, which follows from both
// (arXiv:2009.14082).
struct FeatureFusion {
  NormedProduct local1, local2, global1, global2;
  FeatureFusion(const Weights& w, std::int64_t size, std::int64_t inner)
      : local1(w / "local_att", "0", "1", size, inner),
        local2(w / "local_att", "3", "4", inner, size),
        global1(w / "global_att", "1", "2", size, inner),
        global2(w / "global_att", "4", "5", inner, size) {}
  // Of one sound, [cells,D] each.
  Tensor operator()(const Tensor& whole, const Tensor& pieces) const {
    const Tensor both = whole + pieces;
    const Tensor shares = at::sigmoid(local2(local1(both).relu()) + global2(global1(both.mean(0, true)).relu()));
    return 2 * whole * shares + 2 * pieces * (1 - shares);
  }
};

// The pieces of a sound that is heard in parts: patches three times as long, side by side.
struct ClapPieces {
  Tensor weight, bias;  // {D,1,h,3 h}, {D}
  FeatureFusion fusion_model;
  std::int64_t stride, padding;
  ClapPieces(const Weights& w, const Conv2d::Shape& patches, std::int64_t ratio)
      : weight((w / "mel_conv2d").small("weight", {patches.out, patches.in, patches.kernel, 3 * patches.kernel})),
        bias((w / "mel_conv2d").small("bias", {patches.out})),
        fusion_model(w / "fusion_model", patches.out, patches.out / ratio),
        stride(patches.stride),
        padding(patches.padding) {}
  // The cells of the whole, with what is heard in the pieces [3,1,side,side].
  Tensor operator()(const Tensor& whole, const Grid& grid, const Tensor& pieces) const {
    const Tensor maps = at::conv2d(pieces.to(weight.scalar_type()), weight, bias, {stride, 3 * stride},
                                   {padding, padding});                    // [3,D,h,w]
    const Tensor rows = maps.permute({2, 0, 3, 1}).flatten(1, 2);          // [h,3*w,D]
    const auto missing = grid.width - rows.size(1);
    return fusion_model(whole, at::constant_pad_nd(rows, {0, 0, 0, missing}).reshape(whole.sizes()));
  }
};

struct AudioTower {
  SwinShape shape;
  std::int64_t bins, side, ratio;
  BatchNorm batch_norm;  // of each bin
  Conv2d proj;
  std::optional<ClapPieces> pieces;
  std::optional<LayerNorm> patch_norm;
  SwinStages layers;
  LayerNorm norm;
  std::string path;
  AudioTower(const Fields& config, const Weights& w)
      : shape(as_swin(config)),
        bins(config.integer("num_mel_bins", 1, limits::kPositions, 64)),
        side(config.integer("spec_size", bins, limits::kPositions, 256)),
        ratio(side / bins),
        batch_norm(w / "batch_norm", bins, 1e-5),
        proj(w / "patch_embed" / "proj", patches(config)),
        layers(shape, w / "layers"),
        norm(w / "norm", width(), 1e-5),
        path((w / "patch_embed").path()) {
    if (config.boolean("enable_patch_layer_norm", true))
      patch_norm = LayerNorm(w / "patch_embed" / "norm", shape.embed, 1e-5);
    if (config.boolean("enable_fusion", false)) {
      if (config.text("fusion_type", "") == "channel_map" || shape.channels != 1)
        fail(Errc::kUnsupported, config.where(), ": 'fusion_type' channel_map, or of ", shape.channels,
             " channels, is not supported, wanted aff_2d of 1");
      pieces.emplace(w / "patch_embed", patches(config),
                     config.integer("aff_block_r", 1, shape.embed, 4));
    }
    if (side % bins != 0)
      fail(Errc::kBadData, config.where(), ": 'spec_size' is ", side,
           ", wanted a multiple of 'num_mel_bins', ", bins);
  }
  std::int64_t width() const { return shape.width(shape.depths.size() - 1); }

  Tensor operator()(const SoundBatch& sounds) const {  // -> [B,D]
    std::vector<Tensor> planes;
    for (const Tensor& sound : sounds.features) planes.push_back(picture_of(whole_of(sound)));
    Cells x = proj(cells_of(planes));
    if (pieces) x = fused(x, sounds, planes);
    if (patch_norm) x.x = (*patch_norm)(x.x);
    sounds.note(path, x.x);
    const Cells last = layers(std::move(x), false, sounds.watch).back();
    return mean_of_each(last.with(norm(last.x)));
  }

 private:
  static Tensor whole_of(const Tensor& sound) { return sound.dim() == 3 ? sound[0] : sound; }

  // A sound in one part is its own pieces.
  Cells fused(const Cells& x, const SoundBatch& sounds, const std::vector<Tensor>& planes) const {
    std::vector<Tensor> rows;
    std::int64_t begin = 0;
    for (std::size_t b = 0; b < planes.size(); ++b) {
      const Tensor& sound = sounds.features[b];
      std::vector<Tensor> parts;
      for (std::int64_t i = 1; i < 4; ++i)
        parts.push_back(sound.dim() == 3 ? picture_of(sound[i]) : planes[b]);
      rows.push_back((*pieces)(x.x.narrow(0, begin, x.grids[b].cells()), x.grids[b], at::stack(parts)));
      begin += x.grids[b].cells();
    }
    return x.with(at::concat(rows));
  }

  Conv2d::Shape patches(const Fields& config) const {
    const Grid size = shape.patch, stride = grid_field(config, "patch_stride", 4);
    if (size.height != size.width || stride.height != stride.width || size.height < stride.height)
      fail(Errc::kUnsupported, config.where(), ": 'patch_size' is ", size.height, " x ", size.width,
           " and 'patch_stride' ", stride.height, " x ", stride.width,
           ", wanted squares, the first no smaller");
    return {.in = shape.channels,
            .out = shape.embed,
            .kernel = size.height,
            .stride = stride.height,
            .padding = (size.height - stride.height) / 2};
  }

  // Stretched in time to side * ratio frames, which are cut into `ratio` pieces that lie one above
  // the other: [T,bins] -> [1,side,side].
  Tensor picture_of(const Tensor& sound) const {
    const auto& n = batch_norm;
    if (sound.size(0) < 1 || sound.size(0) > side * ratio)
      fail(Errc::kBadData, "a sound has ", sound.size(0), " frames, but the model hears at most ",
           side * ratio);
    Tensor x = (sound - n.mean) / (n.variance + n.eps).sqrt() * n.weight + n.bias;
    if (x.size(0) < side * ratio)
      x = at::upsample_bicubic2d(x.unsqueeze(0).unsqueeze(0), {side * ratio, bins}, true)[0][0];
    return x.view({ratio, side, bins})
        .transpose(1, 2)  // [ratio,bins,side]
        .reshape({1, side, side})
        .contiguous();
  }
};

struct TextTower {
  BertConfig c;
  std::int64_t padding;
  BertEmbeddings embeddings;
  BertEncoder encoder;
  Linear pooler;
  TextTower(const Fields& config, const Weights& w)
      : c(complete(config), 1),
        padding(config.integer("pad_token_id", 0, c.positions - 1, 1)),
        embeddings(c, w / "embeddings", c.hidden),
        encoder(c, w / "encoder"),
        pooler(w / "pooler" / "dense", {c.hidden, c.hidden}) {}

  Tensor operator()(Tokens tokens) const {  // -> [B,D]
    tokens.rows = tokens.seqs.first_rows();
    const Tensor x = embeddings(tokens, positions_after_padding(tokens, padding));
    return pooler(encoder(x, tokens), Activation::kTanh);
  }

 private:
  // The defaults of ClapTextConfig.
  static Fields complete(const Fields& config) {
    Json fields = config.json();
    const std::pair<const char*, int> defaults[] = {
        {"vocab_size", 50265},         {"hidden_size", 768},       {"num_hidden_layers", 12},
        {"num_attention_heads", 12},   {"intermediate_size", 3072}, {"max_position_embeddings", 514}};
    for (const auto& [key, value] : defaults)
      if (!config.has(key)) fields[key] = value;
    return {std::move(fields), config.where()};
  }
};

SoundNet build_clap(const Fields& config, const Weights& w, SoundHead) {
  const AudioTower audio(config.object("audio_config"), w / "audio_model" / "audio_encoder");
  const TextTower text(config.object("text_config"), w / "text_model");
  const auto size = config.integer("projection_dim", 1, limits::kHidden, 512);
  SoundNet net{.bins = audio.bins,
               .texts = {.vocab = text.c.vocab, .positions = text.c.positions - text.padding - 1}};
  net.hear = [audio, projection = Projection(config, w / "audio_projection", audio.width(), size)](
                 const SoundBatch& sounds) { return at::split(projection(audio(sounds)), 1); };
  net.texts.read = [text, projection = Projection(config, w / "text_projection", text.c.hidden,
                                                  size)](const Tokens& tokens) {
    return projection(text(tokens));
  };
  net.texts.scale = w.get("logit_scale_a", {});
  if (net.texts.scale.defined()) net.texts.scale = net.texts.scale.to(at::kFloat).exp();
  (w / "logit_scale_t").ignore();
  return net;
}

constexpr SoundHead kClapHeads[] = {SoundHead::kEmbed};

}  // namespace

extern const Architecture clap{
    .types = {"clap"},
    .base = "clap",
    .sound = build_clap,
    .sound_heads = kClapHeads,
};

}  // namespace hft
