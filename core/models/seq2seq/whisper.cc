// Whisper (arXiv:2212.04356): an encoder of log-mel frames, halved by a convolution, and a decoder
// that writes what was said. Checked against the configs of openai/whisper-tiny.en, -small, -large-v3,
// -large-v3-turbo and distil-whisper/distil-large-v3. Golden: tests/golden/whisper-*.
// Shapes: B windows of T frames, M mel bins, S = T / 2 positions each; N tokens of all sequences, R of
// them wanted, D hidden, F feed-forward, V vocabulary.
#include "core/base/limits.h"
#include "core/models/architecture.h"
#include "core/models/text_net.h"
#include "core/nn/attention.h"
#include "core/nn/embedding.h"
#include "core/nn/norm.h"

namespace hft {
namespace {

constexpr double kWhisperEps = 1e-5;  // no config has a field for it
constexpr std::int64_t kTaps = 3;

struct WhisperSideConfig {
  std::int64_t hidden, layers, heads, size, ffn;
  Activation activation;

  WhisperSideConfig(const Fields& config, const std::string& side)
      : hidden(config.integer("d_model", 1, limits::kHidden)),
        layers(config.integer(side + "_layers", 0, limits::kLayers)),
        heads(config.integer(side + "_attention_heads", 1, limits::kHidden)),
        size(head_size(config, hidden, heads)),
        ffn(config.integer(side + "_ffn_dim", 1, limits::kHidden)),
        activation(activation_named(config.text("activation_function", "gelu"), config.where())) {}
};

// A convolution over frames: each output is a row of `kTaps` frames around it, zeros past the ends.
struct FrameConv {
  Linear rows;
  std::int64_t stride;

  FrameConv(const Weights& w, std::int64_t in, std::int64_t out, std::int64_t stride)
      : rows(w,
             std::vector<Linear::Part>{
                 {.name = "", .out = out, .stored = {.kernel = {in, kTaps}}, .as_stored = true}},
             kTaps * in),
        stride(stride) {}

  Tensor operator()(const Tensor& x) const {  // [B,T,in] -> [B,T/stride,out]
    const Tensor around = at::constant_pad_nd(x, {0, 0, kTaps / 2, kTaps / 2})
                              .unfold(1, kTaps, stride)        // [B,T',in,taps]
                              .reshape({-1, kTaps * x.size(2)});  // [B*T',in*taps]
    return rows(around, Activation::kGelu).view({x.size(0), x.size(1) / stride, -1});
  }
};

// Keys have no bias.
Linear key_value(const Weights& w, std::int64_t size, bool query) {
  std::vector<Linear::Part> parts{{.name = "k_proj", .out = size, .biased = false},
                                  {.name = "v_proj", .out = size}};
  if (query) parts.insert(parts.begin(), {.name = "q_proj", .out = size});
  return Linear(w, parts, size);
}

struct WhisperEncoderLayer {
  Linear query_key_value, out_proj, fc1, fc2;
  LayerNorm self_attn_layer_norm, final_layer_norm;
  std::int64_t heads;
  Activation activation;
  std::string path;

  WhisperEncoderLayer(const WhisperSideConfig& c, const Weights& w)
      : query_key_value(key_value(w / "self_attn", c.hidden, true)),
        out_proj(w / "self_attn" / "out_proj", {c.hidden, c.hidden}),
        fc1(w / "fc1", {c.ffn, c.hidden}),
        fc2(w / "fc2", {c.hidden, c.ffn}),
        self_attn_layer_norm(w / "self_attn_layer_norm", c.hidden, kWhisperEps),
        final_layer_norm(w / "final_layer_norm", c.hidden, kWhisperEps),
        heads(c.heads),
        activation(c.activation),
        path(w.path()) {}

  Tensor operator()(Tensor x, const Sequences& windows) const {  // [B*S,D] -> [B*S,D]
    const Tensor mixed = attend(query_key_value(self_attn_layer_norm(x)), heads, windows);
    x = out_proj.plus(mixed, std::move(x));
    const Tensor inner = fc1(final_layer_norm(x), activation);  // [B*S,F]
    return within_half(fc2.plus(inner, std::move(x)));
  }
};

struct Encoder {
  FrameConv conv1, conv2;
  Embedding embed_positions;
  std::vector<WhisperEncoderLayer> layers;
  LayerNorm layer_norm;
  std::int64_t positions;

  Encoder(const WhisperSideConfig& c, const Weights& w, std::int64_t bins, std::int64_t positions)
      : conv1(w / "conv1", bins, c.hidden, 1),
        conv2(w / "conv2", c.hidden, c.hidden, 2),
        embed_positions(w / "embed_positions", positions, c.hidden),
        layer_norm(w / "layer_norm", c.hidden, kWhisperEps),
        positions(positions) {
    for (std::int64_t i = 0; i < c.layers; ++i) layers.emplace_back(c, w / "layers" / i);
  }

  Tensor operator()(const Sounds& sounds) const {  // [B,T,M] -> [B*S,D]
    Tensor x = conv2(conv1(sounds.features));      // [B,S,D]
    x = (x + embed_positions.weight.to(x.scalar_type())).view({-1, x.size(2)});
    Sequences windows;
    for (std::int64_t b = 1; b <= sounds.features.size(0); ++b) windows.starts.push_back(b * positions);
    for (const auto& layer : layers) {
      x = layer(std::move(x), windows);
      sounds.note(layer.path, x);
    }
    return layer_norm(x);
  }
};

struct WhisperDecoderLayer {
  Linear query_key_value, out_proj, cross_query, cross_key_value, cross_out, fc1, fc2;
  LayerNorm self_attn_layer_norm, encoder_attn_layer_norm, final_layer_norm;
  CausalAttention attention;
  Activation activation;
  std::string path;

  WhisperDecoderLayer(const WhisperSideConfig& c, const Weights& w, std::int64_t layer)
      : query_key_value(key_value(w / "self_attn", c.hidden, true)),
        out_proj(w / "self_attn" / "out_proj", {c.hidden, c.hidden}),
        cross_query(w / "encoder_attn" / "q_proj", {c.hidden, c.hidden}),
        cross_key_value(key_value(w / "encoder_attn", c.hidden, false)),
        cross_out(w / "encoder_attn" / "out_proj", {c.hidden, c.hidden}),
        fc1(w / "fc1", {c.ffn, c.hidden}),
        fc2(w / "fc2", {c.hidden, c.ffn}),
        self_attn_layer_norm(w / "self_attn_layer_norm", c.hidden, kWhisperEps),
        encoder_attn_layer_norm(w / "encoder_attn_layer_norm", c.hidden, kWhisperEps),
        final_layer_norm(w / "final_layer_norm", c.hidden, kWhisperEps),
        attention{layer, c.heads, 1 / std::sqrt(static_cast<double>(c.size))},
        activation(c.activation),
        path(w.path()) {}

  Tensor operator()(Tensor x, const Steps& steps) const {  // [N,D] -> [N,D]
    Tensor mixed = attend_causal(query_key_value(self_attn_layer_norm(x)), attention, steps);
    x = out_proj.plus(mixed, std::move(x));
    mixed = attend_source(cross_query(encoder_attn_layer_norm(x)), attention, steps);
    x = cross_out.plus(mixed, std::move(x));
    const Tensor inner = fc1(final_layer_norm(x), activation);  // [N,F]
    return fc2.plus(inner, std::move(x));
  }
};

struct Decoder {
  Embedding embed_tokens, embed_positions;
  std::vector<WhisperDecoderLayer> layers;
  LayerNorm layer_norm;

  Decoder(const WhisperSideConfig& c, const Weights& w, std::int64_t vocab, std::int64_t positions)
      : embed_tokens(w / "embed_tokens", vocab, c.hidden),
        embed_positions(w / "embed_positions", positions, c.hidden),
        layer_norm(w / "layer_norm", c.hidden, kWhisperEps) {
    for (std::int64_t i = 0; i < c.layers; ++i) layers.emplace_back(c, w / "layers" / i, i);
  }

  Tensor operator()(const Steps& steps) const {  // [N] -> [R,D]
    Tensor x = embed_tokens(steps.ids) + embed_positions(steps.positions);
    for (const auto& layer : layers) {
      x = layer(std::move(x), steps);
      steps.note(layer.path, x);
    }
    return layer_norm(steps.wanted(x, true));
  }
};

Seq2SeqNet build_whisper(const Fields& config, const Weights& w) {
  const WhisperSideConfig source(config, "encoder"), target(config, "decoder");
  const auto vocab = config.integer("vocab_size", 1, limits::kVocab);
  const auto bins = config.integer("num_mel_bins", 1, limits::kHidden, 80);
  const auto heard = config.integer("max_source_positions", 1, limits::kPositions, 1500);
  const auto written = config.integer("max_target_positions", 1, limits::kPositions, 448);
  const Weights model = w / "model";
  const Encoder encoder(source, model / "encoder", bins, heard);
  const Decoder decoder(target, model / "decoder", vocab, written);
  Seq2SeqNet net;
  net.hear = encoder;
  net.seen = [decoder](const Tensor& encoded, std::int64_t layer) {
    return decoder.layers[layer].cross_key_value(encoded);
  };
  net.sources.assign(target.layers, {target.heads, target.size, 0});
  net.source_positions = heard;
  net.hearing = {.frames = 2 * heard, .bins = bins};
  net.decoder = {.hidden = decoder,
                 .logits = language_head(config, w / "proj_out", {vocab, target.hidden},
                                         {model / "decoder" / "embed_tokens", true}),
                 .cache = net.sources,
                 .vocab = vocab,
                 .positions = written,
                 .size = target.hidden};
  return net;
}

}  // namespace

extern const Architecture whisper{
    .types = {"whisper"},
    .base = "model",
    .seq2seq = build_whisper,
    .hears = true,
};

}  // namespace hft
