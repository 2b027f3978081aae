// GPT-2: pre-norm decoder with learned positions and fused attention products stored {in, out}.
// Paper: Radford et al., Language Models are Unsupervised Multitask Learners (2019). Checked
// against the config of openai-community/gpt2.
// Shapes: N tokens of all sequences together, R of them wanted, D hidden, H heads, V vocabulary.
#include <optional>

#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/models/architecture.h"
#include "core/models/decoder_net.h"
#include "core/models/text_net.h"
#include "core/nn/attention.h"
#include "core/nn/embedding.h"
#include "core/nn/learning.h"
#include "core/nn/norm.h"

namespace hft {
namespace {

struct Gpt2Config {
  std::int64_t vocab, hidden, layers, heads, ffn, positions;
  Activation activation;
  double eps;
  bool scale, scale_by_layer;
  explicit Gpt2Config(const Fields& config)
      : vocab(config.integer("vocab_size", 1, limits::kVocab)),
        hidden(config.integer("n_embd", 1, limits::kHidden)),
        layers(config.integer("n_layer", 0, limits::kLayers)),
        heads(config.integer("n_head", 1, limits::kHidden)),
        ffn(config.integer("n_inner", 1, limits::kHidden,
                           std::min<std::int64_t>(4 * hidden, limits::kHidden))),
        positions(config.integer("n_positions", 1, limits::kPositions, 1024)),
        activation(
            activation_named(config.text("activation_function", "gelu_new"), config.where())),
        eps(config.real("layer_norm_epsilon", 0, 1, 1e-5)),
        scale(config.boolean("scale_attn_weights", true)),
        scale_by_layer(config.boolean("scale_attn_by_inverse_layer_idx", false)) {
    head_size(config, hidden, heads);
  }
};

// A product whose weight the checkpoint has as {in, out}.
Linear conv1d(const Weights& w, std::int64_t in, std::int64_t out) {
  return Linear(w, {{"", out, {.transposed = true}}}, in);
}

// What a block that writes about something else looks at it with.
struct CrossAttention {
  LayerNorm norm;
  Linear q_attn, c_attn, c_proj;
  CrossAttention(const Gpt2Config& c, const Weights& w)
      : norm(w / "ln_cross_attn", c.hidden, c.eps),
        q_attn(conv1d(w / "crossattention" / "q_attn", c.hidden, c.hidden)),
        c_attn(conv1d(w / "crossattention" / "c_attn", c.hidden, 2 * c.hidden)),
        c_proj(conv1d(w / "crossattention" / "c_proj", c.hidden, c.hidden)) {}
};

struct Block {
  LayerNorm ln_1, ln_2;
  Linear c_attn, c_proj, mlp_c_fc, mlp_c_proj;
  std::optional<CrossAttention> cross;
  CausalAttention causal;
  Activation activation;
  std::string path;

  Block(const Gpt2Config& c, const Weights& w, std::int64_t layer, bool crosses)
      : ln_1(w / "ln_1", c.hidden, c.eps),
        ln_2(w / "ln_2", c.hidden, c.eps),
        c_attn(conv1d(w / "attn" / "c_attn", c.hidden, 3 * c.hidden)),
        c_proj(conv1d(w / "attn" / "c_proj", c.hidden, c.hidden)),
        mlp_c_fc(conv1d(w / "mlp" / "c_fc", c.hidden, c.ffn)),
        mlp_c_proj(conv1d(w / "mlp" / "c_proj", c.ffn, c.hidden)),
        causal{layer, c.heads,
               (c.scale ? 1 / std::sqrt(static_cast<double>(c.hidden / c.heads)) : 1.0) /
                   (c.scale_by_layer ? static_cast<double>(layer + 1) : 1.0)},
        activation(c.activation),
        path(w.path()) {
    if (crosses) cross.emplace(c, w);
  }

  Tensor operator()(const Tensor& input, const Steps& steps, bool last) const {
    const Tensor mixed = attend_causal(c_attn(ln_1(input)), causal, steps);  // [N,D]
    last = last && !cross;  // all rows look at the source
    Tensor x = c_proj.plus(steps.wanted(mixed, last), steps.wanted(input, last));
    if (cross) {
      const Tensor seen = attend_source(cross->q_attn(cross->norm(x)), causal, steps);
      x = cross->c_proj.plus(seen, std::move(x));
    }
    const Tensor inner = mlp_c_fc(ln_2(x), activation);
    return mlp_c_proj.plus(inner, std::move(x));  // [R,D]
  }
};

struct Gpt2 {
  Embedding wte, wpe;
  std::vector<Block> h;
  LayerNorm ln_f;

  Gpt2(const Gpt2Config& c, const Weights& w, bool crosses)
      : wte(w / "wte", c.vocab, c.hidden),
        wpe(w / "wpe", c.positions, c.hidden),
        ln_f(w / "ln_f", c.hidden, c.eps) {
    for (std::int64_t i = 0; i < c.layers; ++i) h.emplace_back(c, w / "h" / i, i, crosses);
  }

  Tensor operator()(const Steps& steps) const {
    Tensor x = dropped(jittered(wte(steps.ids)) + wpe(steps.positions), &Noise::embedding);  // [N,D]
    for (const auto& block : h) {
      x = through(block, x, steps, &block == &h.back());
      steps.note(block.path, x);
    }
    const bool all = h.empty() || h.back().cross;
    return ln_f(all ? steps.wanted(x, true) : x);  // [R,D]
  }
};

DecoderNet net_of(const Fields& config, const Gpt2Config& c, const Gpt2& gpt2, const Weights& w) {
  Linear lm_head = language_head(config, w / "lm_head", {c.vocab, c.hidden},
                                 {w / "transformer" / "wte", true});
  return {.hidden = gpt2,
          .logits = lm_head,
          .cache = cache_layers(config, c.layers, {c.heads, c.hidden / c.heads, 0}, 0,
                                [](std::int64_t) { return false; }),
          .vocab = c.vocab,
          .positions = c.positions,
          .size = c.hidden};
}

DecoderNet build_gpt2(const Fields& config, const Weights& w) {
  const Gpt2Config c(config);
  return net_of(config, c, Gpt2(c, w / "transformer", false), w);
}

PictureDecoder build_picture_decoder(const Fields& config, const Weights& w, std::int64_t seen) {
  const Gpt2Config c(config);
  if (seen > 0 && seen != c.hidden)
    fail(Errc::kBadData, config.where(), ": 'cross_attention_hidden_size' is ", seen,
         ", but gpt2 has ", c.hidden, " numbers a state");
  const Gpt2 gpt2(c, w / "transformer", true);
  return {net_of(config, c, gpt2, w), [h = gpt2.h](const Tensor& encoded, std::int64_t layer) {
            return h[static_cast<std::size_t>(layer)].cross->c_attn(encoded);
          }};
}

}  // namespace

extern const Architecture gpt2{
    .types = {"gpt2"},
    .base = "transformer",
    .heads = kDecoderHeads,
    .decoder = build_gpt2,
    .picture_decoder = build_picture_decoder,
};

}  // namespace hft
