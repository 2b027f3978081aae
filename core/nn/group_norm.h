// Group normalisation (arXiv:1803.08494): channels in groups, over all cells of a picture.
#pragma once

#include "core/nn/activation.h"
#include "core/nn/cells.h"
#include "core/nn/weights.h"

namespace hft {

struct GroupNorm {
  Tensor weight, bias;  // [C]
  std::int64_t groups = 1;
  double eps = 1e-5;

  GroupNorm() = default;
  GroupNorm(const Weights& w, std::int64_t size, std::int64_t groups)
      : weight(w.small("weight", {size})), bias(w.small("bias", {size})), groups(groups) {}

  Cells operator()(const Cells& x, Activation activation = Activation::kNone) const {
    std::vector<Tensor> parts;
    const Sequences seqs = x.sequences();
    for (std::int64_t b = 0; b < seqs.count(); ++b) {
      const Tensor own = x.x.narrow(0, seqs.starts[b], seqs.length(b)).to(at::kFloat);
      const Tensor grouped = own.view({own.size(0), groups, -1});  // [T,G,C/G]
      const Tensor mean = grouped.mean(at::IntArrayRef{0, 2}, true);
      const Tensor apart = grouped - mean;
      const Tensor variance = apart.square().mean(at::IntArrayRef{0, 2}, true);
      parts.push_back((apart * at::rsqrt(variance + eps)).view(own.sizes()).to(x.x.scalar_type()) * weight + bias);
    }
    return x.with(activate(at::concat(parts), activation));
  }
};

}  // namespace hft
