#include <cmath>

#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/models/audio/wav2vec2.h"
#include "core/models/image_net.h"

namespace hft {

SpeechConfig::SpeechConfig(const Fields& config)
    : hidden(config.integer("hidden_size", 1, limits::kHidden, 768)),
      layers(config.integer("num_hidden_layers", 0, limits::kLayers, 12)),
      heads(config.integer("num_attention_heads", 1, limits::kHidden, 12)),
      ffn(config.integer("intermediate_size", 1, limits::kHidden, 3072)),
      adapter(config.integer("adapter_attn_dim", 0, limits::kHidden, 0)),
      conv_dim(integers(config, "conv_dim", {512, 512, 512, 512, 512, 512, 512}, 1, limits::kHidden)),
      conv_kernel(integers(config, "conv_kernel", {10, 3, 3, 3, 3, 2, 2}, 1, 4096)),
      conv_stride(integers(config, "conv_stride", {5, 2, 2, 2, 2, 2, 2}, 1, 4096)),
      position_taps(config.integer("num_conv_pos_embeddings", 1, 4096, 128)),
      position_groups(config.integer("num_conv_pos_embedding_groups", 1, limits::kHidden, 16)),
      conv_bias(config.boolean("conv_bias", false)),
      stable(config.boolean("do_stable_layer_norm", false)),
      projection_norm(config.boolean("feat_proj_layer_norm", true)),
      position_norm(config.boolean("conv_pos_batch_norm", false)),
      activation(activation_named(config.text("hidden_act", "gelu"), config.where())),
      conv_activation(
          activation_named(config.text("feat_extract_activation", "gelu"), config.where())),
      eps(config.real("layer_norm_eps", 0, 1, 1e-5)) {
  const std::string kind = config.text("feat_extract_norm", "group");
  norm_each = kind == "layer";
  if (kind != "layer" && kind != "group")
    fail(Errc::kBadData, config.where(), ": 'feat_extract_norm' is '", kind,
         "', wanted group or layer");
  if (conv_dim.empty() || conv_dim.size() > 64 || conv_dim.size() != conv_kernel.size() ||
      conv_dim.size() != conv_stride.size() || stride() > limits::kPositions)
    fail(Errc::kBadData, config.where(), ": 'conv_dim' has ", conv_dim.size(),
         " numbers, 'conv_kernel' ", conv_kernel.size(), " and 'conv_stride' ", conv_stride.size(),
         ", wanted as many of each and strides of at most ", limits::kPositions, " together");
  if (hidden % position_groups != 0)
    fail(Errc::kBadData, config.where(), ": 'num_conv_pos_embedding_groups' is ", position_groups,
         ", wanted a divisor of 'hidden_size', ", hidden);
  if (config.boolean("add_adapter", false))
    fail(Errc::kUnsupported, config.where(), ": 'add_adapter' is true, wanted false");
  head_size(config, hidden, heads);
}

std::int64_t SpeechConfig::stride() const {
  std::int64_t all = 1;
  for (const auto one : conv_stride) all = std::min(all * one, limits::kPositions + 1);
  return all;
}

SpeechLayer::SpeechLayer(const SpeechConfig& c, const Weights& w)
    : layer_norm(w / "layer_norm", c.hidden, c.eps),
      final_layer_norm(w / "final_layer_norm", c.hidden, c.eps),
      query_key_value(w / "attention",
                      {{"q_proj", c.hidden}, {"k_proj", c.hidden}, {"v_proj", c.hidden}}, c.hidden),
      out_proj(w / "attention" / "out_proj", {c.hidden, c.hidden}),
      intermediate_dense(w / "feed_forward" / "intermediate_dense", {c.ffn, c.hidden}),
      output_dense(w / "feed_forward" / "output_dense", {c.hidden, c.ffn}),
      heads(c.heads),
      stable(c.stable),
      activation(c.activation),
      path(w.path()) {
  const Weights at = w / "adapter_layer";
  if (stable && c.adapter > 0)
    adapter_layer = Adapter{.norm = LayerNorm(at / "norm", c.hidden, 1e-5),
                            .linear_1 = Linear(at / "linear_1", {c.adapter, c.hidden}),
                            .linear_2 = Linear(at / "linear_2", {c.hidden, c.adapter})};
}

Tensor SpeechLayer::mix(const Tensor& x, const Sequences& seqs, const Tensor& bias) const {
  return attend(query_key_value(x), heads, seqs,
                {.bias = bias, .gates = gates ? gates(x) : Tensor()});
}

Tensor SpeechLayer::operator()(const Tensor& x, const Sequences& seqs, const Tensor& bias) const {
  if (!stable) {
    const Tensor y = layer_norm(out_proj(mix(x, seqs, bias)), x);
    return final_layer_norm(output_dense(intermediate_dense(y, activation)), y);
  }
  Tensor y = out_proj.plus(mix(layer_norm(x), seqs, bias), x);
  y = output_dense.plus(intermediate_dense(final_layer_norm(y), activation), y);
  if (!adapter_layer) return y;
  const auto& [norm, linear_1, linear_2] = *adapter_layer;
  return linear_2.plus(linear_1(norm(y), Activation::kRelu), y);
}

namespace {

// A weight stored as its direction and the length that each tap has.
Conv1d position_conv(const SpeechConfig& c, const Weights& w) {
  const std::vector<std::int64_t> shape{c.hidden, c.hidden / c.position_groups, c.position_taps};
  const Tensor bias = w.small("bias", {c.hidden});
  if (c.position_norm) return {w.get("weight", shape), bias, c.position_groups};
  const Tensor g = w.get("weight_g", {1, 1, c.position_taps}), v = w.get("weight_v", shape);
  if (!g.defined() || !v.defined()) return {};
  const Tensor wide = v.to(at::kFloat);
  const Tensor length = wide.square().sum(at::IntArrayRef{0, 1}, true).sqrt();
  return {wide * (g.to(at::kFloat) / length), bias, c.position_groups};
}

}  // namespace

SpeechEncoder::SpeechEncoder(const SpeechConfig& c, const Weights& w)
    : feature_extractor(c, w / "feature_extractor" / "conv_layers"),
      projection(w / "feature_projection" / "projection", {c.hidden, c.conv_dim.back()}),
      pos_conv_embed(position_conv(c, w / "encoder" / "pos_conv_embed" / "conv")),
      layer_norm(w / "encoder" / "layer_norm", c.hidden, c.eps),
      conv_activation(c.conv_activation),
      stable(c.stable),
      path(w.path()) {
  (w / "masked_spec_embed").ignore();
  if (c.projection_norm)
    projection_norm = LayerNorm(w / "feature_projection" / "layer_norm", c.conv_dim.back(), c.eps);
  if (c.position_norm)
    position_norm = BatchNorm(w / "encoder" / "pos_conv_embed" / "batch_norm", c.hidden, 1e-5);
  for (std::int64_t i = 0; i < c.layers; ++i) layers.emplace_back(c, w / "encoder" / "layers" / i);
}

Tensor SpeechEncoder::positions(const Tensor& x, const Sequences& seqs) const {
  if (!position_norm) return pos_conv_embed(x, seqs, conv_activation);
  const auto& n = *position_norm;
  const Tensor scale = n.weight / (n.variance + n.eps).sqrt();
  const Tensor y = (x - n.mean) * scale + n.bias;
  return pos_conv_embed(y.to(x.scalar_type()), seqs, conv_activation);
}

Tensor SpeechEncoder::operator()(const SoundBatch& sounds, Sequences& seqs,
                                 const Tensor& layer_weights) const {
  Tensor x = feature_extractor(sounds, seqs);
  sounds.note(feature_extractor.path, x);
  x = projection(projection_norm ? (*projection_norm)(x) : x);
  x = x + positions(x, seqs);
  if (!stable) x = layer_norm(x);
  sounds.note(path + ".encoder.pos_conv_embed", x);
  Tensor sum;
  const auto add = [&](std::int64_t layer) {
    if (!layer_weights.defined()) return;
    const Tensor wide = x.to(at::kFloat), weight = layer_weights[layer];
    sum = sum.defined() ? at::addcmul(sum, wide, weight) : wide * weight;
  };
  const Tensor by_distance = bias ? bias(seqs.longest()) : Tensor();
  for (std::size_t i = 0; i < layers.size(); ++i) {
    add(static_cast<std::int64_t>(i));
    x = layers[i](x, seqs, by_distance);
    sounds.note(layers[i].path, x);
  }
  if (stable) x = layer_norm(x);
  add(static_cast<std::int64_t>(layers.size()));
  return sum.defined() ? sum.to(x.scalar_type()) : x;
}

namespace {

constexpr std::int64_t kPassFrames = 512;  // enough rows for a core

}  // namespace

SoundNet speech_net(const Fields& config, const Weights& w, SpeechEncoder encoder, SoundHead head) {
  const SpeechConfig c(config);
  SoundNet net{.frames = kPassFrames * c.stride(), .stride = c.stride()};
  if (head == SoundHead::kCtc) {
    auto vocab = config.integer("vocab_size", 1, limits::kVocab, 32);
    if (const auto shape = (w / "lm_head").shape("weight"); c.adapter > 0 && shape.size() == 2)
      vocab = shape[0];  // each language of MMS has as many as it has letters
    net.hear = [encoder = std::move(encoder), lm_head = Linear(w / "lm_head", {vocab, c.hidden})](
                   const SoundBatch& sounds) {
      Sequences seqs;
      const Tensor x = encoder(sounds, seqs, {});
      return each_sequence(lm_head.in_float(x), seqs);
    };
    return net;
  }
  const auto size = config.integer("classifier_proj_size", 1, limits::kHidden, 256);
  Tensor layer_weights;
  if (config.boolean("use_weighted_layer_sum", false))
    layer_weights = w.get("layer_weights", {c.layers + 1});
  if (layer_weights.defined()) layer_weights = layer_weights.to(at::kFloat).softmax(0);
  net.hear = [=, encoder = std::move(encoder), projector = Linear(w / "projector", {size, c.hidden}),
              classifier = Linear(w / "classifier", {label_count(config), size})](
                 const SoundBatch& sounds) {
    Sequences seqs;
    std::vector<Tensor> means;  // the projector is linear: that of a mean is the mean of all
    for (const Tensor& own : each_sequence(encoder(sounds, seqs, layer_weights), seqs))
      means.push_back(own.mean(0, true));
    const Tensor logits = classifier.in_float(projector(at::concat(means)));
    return at::split(logits, 1);
  };
  return net;
}

}  // namespace hft
