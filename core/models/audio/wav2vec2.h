// The speech encoder of wav2vec 2.0 (arXiv:2006.11477), which HuBERT and WavLM share: convolutions
// turn samples into frames, a wide one tells frames where they are, a transformer mixes them.
// Shapes: N frames of all sounds together, C channels, D hidden, H heads, F feed-forward.
#pragma once

#include <functional>
#include <optional>
#include <string_view>
#include <utility>

#include "core/models/sound_net.h"
#include "core/nn/attention.h"
#include "core/nn/conv.h"
#include "core/nn/conv2d.h"
#include "core/nn/linear.h"
#include "core/nn/norm.h"

namespace hft {

// The fields of config.json that the family shares.
struct SpeechConfig {
  std::int64_t hidden, layers, heads, ffn;
  std::int64_t adapter;  // size of what each layer adds for a language; 0: nothing
  std::vector<std::int64_t> conv_dim, conv_kernel, conv_stride;
  std::int64_t position_taps, position_groups;
  bool norm_each;    // every convolution has a layer norm, else the first alone a group norm
  bool conv_bias;
  bool stable;       // layers normalise first
  bool projection_norm, position_norm;  // HuBERT's
  Activation activation, conv_activation;
  double eps;
  explicit SpeechConfig(const Fields& config);
  std::int64_t stride() const;  // samples from one frame to the next
};

// Samples to frames. A part of a sound goes through all convolutions before the next, so that what
// lies between them stays small and the cores share the parts.
struct FeatureEncoder {
  struct Layer {
    Linear conv;
    std::int64_t kernel, stride;
    LayerNorm norm;  // where each has one
    // [n,C] -> [count,C']
    Tensor operator()(const Tensor& x, std::int64_t count, Activation activation) const;
  };
  std::vector<Layer> conv_layers;
  // Of the group norm of each channel: what it is made of, and the first convolution.
  Tensor norm_weight, norm_bias, first_weight, first_bias;
  Activation activation;
  std::string path;
  FeatureEncoder(const SpeechConfig& c, const Weights& w);
  Tensor operator()(const SoundBatch& sounds, Sequences& seqs) const;  // -> [N,C], and whose they are

 private:
  std::int64_t frames_of(std::int64_t samples) const;
  struct Affine {
    Tensor scale, shift;  // [C] float32; undefined: none
  };
  Affine group_norm(const Tensor& samples) const;
  Tensor frames(const Tensor& samples, std::int64_t begin, std::int64_t count,
                const Affine& norm) const;
};

struct SpeechLayer {
  LayerNorm layer_norm, final_layer_norm;
  Linear query_key_value, out_proj, intermediate_dense, output_dense;
  struct Adapter {
    LayerNorm norm;
    Linear linear_1, linear_2;
  };
  std::optional<Adapter> adapter_layer;
  std::function<Tensor(const Tensor&)> gates;  // WavLM's, of AttentionTerms: [N,D] -> [N,H]
  std::int64_t heads;
  bool stable;
  Activation activation;
  std::string path;
  SpeechLayer(const SpeechConfig& c, const Weights& w);
  Tensor operator()(const Tensor& x, const Sequences& seqs, const Tensor& bias) const;  // [N,D]

 private:
  Tensor mix(const Tensor& x, const Sequences& seqs, const Tensor& bias) const;
};

struct SpeechEncoder {
  FeatureEncoder feature_extractor;
  std::optional<LayerNorm> projection_norm;
  Linear projection;
  std::optional<BatchNorm> position_norm;
  Conv1d pos_conv_embed;
  LayerNorm layer_norm;
  std::vector<SpeechLayer> layers;
  std::function<Tensor(std::int64_t tokens)> bias;  // WavLM's, of AttentionTerms
  Activation conv_activation;
  bool stable;
  std::string path;
  SpeechEncoder(const SpeechConfig& c, const Weights& w);
  // The last hidden states, [N,D], or the sum of all layers' by their weights [layers + 1].
  Tensor operator()(const SoundBatch& sounds, Sequences& seqs, const Tensor& layer_weights) const;

 private:
  Tensor positions(const Tensor& x, const Sequences& seqs) const;
};

// The heads below which `encoder` lies: classification or letters.
SoundNet speech_net(const Fields& config, const Weights& w, SpeechEncoder encoder, SoundHead head);

inline constexpr SoundHead kSpeechHeads[] = {SoundHead::kClassify, SoundHead::kCtc};
// How PyTorch 2 spells the parts of a normalised weight.
inline constexpr std::pair<std::string_view, std::string_view> kNewerSpeechNames[] = {
    {"conv.weight_g", "conv.parametrizations.weight.original0"},
    {"conv.weight_v", "conv.parametrizations.weight.original1"}};

}  // namespace hft
