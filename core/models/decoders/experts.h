// A feed-forward part shared out over experts, each token to a few of them (arXiv:2101.03961). Shapes:
// R tokens, D hidden, X experts, T of them for each token.
#pragma once

#include <vector>

#include "core/models/decoders/llama.h"

namespace hft {

struct ExpertsConfig {
  std::int64_t count = 8, chosen = 2;
  bool shares_sum_to_one = true;  // of the chosen experts
  const char *gate = "gate_proj", *up = "up_proj", *down = "down_proj";  // of each, as files have them
};

using Expert = std::function<Tensor(const Tensor& x)>;  // [M,D] -> [M,D]

class Experts {
 public:
  // Those of size c.ffn below `w`: "gate", and "experts" one by one or, as transformers 5 has them,
  // stacked in gate_up_proj and down_proj.
  Experts(const ExpertsConfig& experts, const LlamaConfig& c, const Weights& w);
  // The gate scores them, {X, D}.
  Experts(const ExpertsConfig& config, Linear gate, std::vector<Expert> experts)
      : gate_(std::move(gate)), experts_(std::move(experts)), config_(config) {}
  Tensor operator()(const Tensor& x) const;  // [R,D] -> [R,D]

 private:
  Linear gate_;
  std::vector<Expert> experts_;
  ExpertsConfig config_;
};

// Llama's layer with another feed-forward part.
struct ExpertsLayer {
  RmsNorm input_layernorm, post_attention_layernorm;
  RotaryAttention self_attn;
  std::function<Tensor(const Tensor&)> mlp;
  std::string path;
  Tensor operator()(Tensor x, const Tensor& angles, const Steps& steps, bool last) const {
    const Tensor mixed = self_attn(input_layernorm(x), angles, steps);
    x = steps.wanted(x + mixed, last);
    return x + mlp(post_attention_layernorm(x));  // [R,D]
  }
};

}  // namespace hft
