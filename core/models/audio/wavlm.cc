// WavLM (arXiv:2110.13900): HuBERT whose scores have a bias by distance, through a gate that each
// frame opens by itself. Checked against the configs of microsoft/wavlm-base-plus and
// patrickvonplaten/wavlm-libri-clean-100h-base-plus.
#include "core/base/limits.h"
#include "core/models/architecture.h"
#include "core/models/audio/wav2vec2.h"
#include "core/nn/relative_bias.h"

namespace hft {
namespace {

struct Gates {
  Linear gru_rel_pos_linear;
  Tensor gru_rel_pos_const;  // [H]
  std::int64_t heads;
  Gates(const SpeechConfig& c, const Weights& w)
      : gru_rel_pos_linear(w / "gru_rel_pos_linear", {8, c.hidden / c.heads}),
        gru_rel_pos_const(w.small("gru_rel_pos_const", {1, c.heads, 1, 1})),
        heads(c.heads) {}

  Tensor operator()(const Tensor& x) const {  // [N,D] -> [N,H]
    const Tensor each = x.contiguous().view({x.size(0) * heads, -1});  // [N*H,E]
    const Tensor both = activate(gru_rel_pos_linear(each)
                                     .to(at::kFloat)
                                     .view({x.size(0), heads, 2, 4})
                                     .sum(-1),
                                 Activation::kSigmoid);  // [N,H,2]
    const Tensor constant = gru_rel_pos_const.to(at::kFloat).view({heads});
    return both.select(2, 0) * (both.select(2, 1) * constant - 1) + 2;
  }
};

SoundNet build_wavlm(const Fields& config, const Weights& w, SoundHead head) {
  const SpeechConfig c(config);
  const Weights at = w / "wavlm";
  SpeechEncoder encoder(c, at);
  const auto attention = [&](std::int64_t layer) {
    return at / "encoder" / "layers" / layer / "attention";
  };
  for (std::int64_t i = 0; i < c.layers; ++i)
    encoder.layers[static_cast<std::size_t>(i)].gates = Gates(c, attention(i));
  if (c.layers > 0)
    encoder.bias = RelativeBias(
        attention(0) / "rel_attn_embed", c.heads,
        {.count = config.integer("num_buckets", 4, limits::kPositions, 320),
         .farthest = config.integer("max_bucket_distance", 1, limits::kPositions, 800),
         .both_ways = true});
  return speech_net(config, w, std::move(encoder), head);
}

}  // namespace

extern const Architecture wavlm{
    .types = {"wavlm"},
    .base = "wavlm",
    .sound = build_wavlm,
    .sound_heads = kSpeechHeads,
    .newer_names = kNewerSpeechNames,
};

}  // namespace hft
