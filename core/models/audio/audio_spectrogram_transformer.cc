// AST (arXiv:2104.01778): DeiT over a spectrogram, whose patches overlap. Checked against the config
// of MIT/ast-finetuned-audioset-10-10-0.4593.
#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/models/architecture.h"
#include "core/models/vision/vit.h"

namespace hft {
namespace {

// A spectrogram of `frames` and `bins` in patches of size x size, every `by` bins and frames.
struct SpectrogramPatches {
  Linear projection;
  std::int64_t size, bins, frames;
  Grid by;
  SpectrogramPatches(const Fields& config, const Weights& w, std::int64_t hidden)
      : size(config.integer("patch_size", 1, 4096, 16)),
        bins(config.integer("num_mel_bins", size, limits::kPositions, 128)),
        frames(config.integer("max_length", size, limits::kPositions, 1024)),
        by{config.integer("frequency_stride", 1, 4096, 10),
           config.integer("time_stride", 1, 4096, 10)} {
    const Linear::Part part{.name = "", .out = hidden, .stored = {.kernel = {1, size, size}}};
    projection = Linear(w, std::vector{part}, size * size);
  }
  Grid grid() const { return {(bins - size) / by.height + 1, (frames - size) / by.width + 1}; }

  Tensor operator()(const Tensor& sound) const {  // [T,bins] -> [cells,D]
    if (sound.size(0) != frames)
      fail(Errc::kBadData, "a sound has ", sound.size(0), " frames, but the model hears ", frames);
    return projection(sound.t()
                          .unfold(0, size, by.height)
                          .unfold(1, size, by.width)  // [rows,columns,size,size]
                          .reshape({grid().cells(), size * size}));
  }
};

struct Ast {
  SpectrogramPatches patches;
  Tensor tokens;     // [2,D]: of the class, and of what was distilled
  Tensor positions;  // [2 + cells,D]
  std::vector<VitBlock> layer;
  LayerNorm layernorm;
  std::string path;
  Ast(const Fields& config, const BlockShape& block, const Weights& w)
      : patches(config, w / "embeddings" / "patch_embeddings" / "projection", block.hidden),
        layernorm(w / "layernorm", block.hidden, block.eps),
        path((w / "embeddings").path()) {
    const Weights at = w / "embeddings";
    const Tensor first = at.small("cls_token", {1, 1, block.hidden});
    const Tensor second = at.small("distillation_token", {1, 1, block.hidden});
    if (first.defined() && second.defined()) tokens = at::concat({first[0], second[0]});
    positions = at.small("position_embeddings", {1, 2 + patches.grid().cells(), block.hidden});
    const auto layers = config.integer("num_hidden_layers", 0, limits::kLayers, 12);
    for (std::int64_t i = 0; i < layers; ++i)
      layer.emplace_back(block, kVitNames, w / "encoder" / "layer" / i);
  }

  Tensor operator()(const SoundBatch& sounds) const {  // -> [B,D]
    Sequences seqs;
    std::vector<Tensor> each;
    for (const Tensor& sound : sounds.features) {
      each.push_back(at::concat({tokens, patches(sound)}) + positions[0]);
      seqs.starts.push_back(seqs.tokens() + each.back().size(0));
    }
    Tensor x = at::concat(each);
    seqs.device = x.device();
    sounds.note(path, x);
    const Tensor first = seqs.first_rows();
    const Tensor rows = at::stack({first, first + 1}, 1).flatten();
    for (std::size_t i = 0; i < layer.size(); ++i) {
      x = layer[i](x, seqs, {}, i + 1 == layer.size() ? rows : Tensor());
      sounds.note(layer[i].path, x);
    }
    if (layer.empty()) x = x.index_select(0, rows);
    return layernorm(x).view({seqs.count(), 2, -1}).mean(1);
  }
};

SoundNet build_ast(const Fields& config, const Weights& w, SoundHead) {
  const VitConfig c(config);
  const Weights head = w / "classifier";
  SoundNet net;
  net.hear = [ast = Ast(config, c.block, w / "audio_spectrogram_transformer"),
              norm = LayerNorm(head / "layernorm", c.block.hidden, c.block.eps),
              dense = Linear(head / "dense", {label_count(config), c.block.hidden})](
                 const SoundBatch& sounds) { return at::split(dense.in_float(norm(ast(sounds))), 1); };
  net.bins = config.integer("num_mel_bins", 1, limits::kPositions, 128);
  return net;
}

constexpr SoundHead kAstHeads[] = {SoundHead::kClassify};

}  // namespace

extern const Architecture audio_spectrogram_transformer{
    .types = {"audio-spectrogram-transformer"},
    .base = "audio_spectrogram_transformer",
    .sound = build_ast,
    .sound_heads = kAstHeads,
    .newer_names = kNewerVitNames,
};

}  // namespace hft
