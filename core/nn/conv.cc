// A product of each group of channels, whose rows are gathered from a token's neighbours as they are
// read. The twin is LibTorch's conv1d of one sequence after the other.
#include "core/nn/conv.h"

#include "core/nn/row_blocks.h"
#include "core/nn/twins.h"
#include "core/quant/stored_matrix.h"

namespace hft {
namespace {

// For each token the rows under the taps; -1: past an end of its sequence.
std::vector<std::int32_t> places_of(const Sequences& seqs, std::int64_t taps) {
  std::vector<std::int32_t> places;
  places.reserve(seqs.tokens() * taps);
  for (std::int64_t b = 0; b < seqs.count(); ++b)
    for (auto token = seqs.starts[b]; token < seqs.starts[b + 1]; ++token)
      for (auto at = token - taps / 2; at < token - taps / 2 + taps; ++at)
        places.push_back(at >= seqs.starts[b] && at < seqs.starts[b + 1]
                             ? static_cast<std::int32_t>(at)
                             : -1);
  return places;
}

}  // namespace

Conv1d::Conv1d(const Weights& w, std::int64_t size, std::int64_t taps)
    : Conv1d(w.get("weight", {size, size, taps}), w.small("bias", {size}), 1) {}

Conv1d::Conv1d(Tensor weight, Tensor bias, std::int64_t groups)
    : weight_(std::move(weight)), bias_(std::move(bias)), groups_(groups) {
  if (!weight_.defined() || weight_.requires_grad()) return;
  const auto size = weight_.size(0) / groups;
  rows_ = weight_.detach()
              .view({groups, size, weight_.size(1), weight_.size(2)})
              .transpose(2, 3)
              .reshape({groups, size, -1})
              .to(at::kFloat)
              .contiguous();
}

Tensor Conv1d::operator()(const Tensor& x, const Sequences& seqs, Activation activation) const {
  if (!kernel_computes(x) || weight_.requires_grad())
    return activate(with_libtorch(x, seqs), activation);
  if (x.scalar_type() == at::kHalf)
    return with_kernel(x.to(at::kFloat), seqs, activation).to(at::kHalf);
  return with_kernel(x.contiguous(), seqs, activation);
}

// x [N,D] float32 or bfloat16
Tensor Conv1d::with_kernel(const Tensor& x, const Sequences& seqs, Activation activation) const {
  Tensor y = at::empty({x.size(0), weight_.size(0)}, x.options());
  const Tensor bias = bias_.to(at::kFloat);
  const auto taps = weight_.size(2), outputs = rows_.size(1), depth = rows_.size(2);
  const auto places = places_of(seqs, taps);
  for (std::int64_t g = 0; g < groups_; ++g) {
    const auto column = [&](const Tensor& t, std::int64_t at) {
      return static_cast<char*>(t.data_ptr()) + at * t.element_size();
    };
    compute_in_blocks({.x = column(x, g * depth / taps),
                       .x_stride = x.size(1),
                       .weight = rows_.const_data_ptr<float>() + g * outputs * depth,
                       .bias = bias.const_data_ptr<float>() + g * outputs,
                       .y = column(y, g * outputs),
                       .y_stride = y.size(1),
                       .rows = x.size(0),
                       .depth = depth,
                       .outputs = outputs,
                       .x_type = number_of(x),
                       .weight_type = Number::kFloat,
                       .y_type = number_of(y),
                       .bias_type = Number::kFloat,
                       .activation = activation,
                       .places = places.data(),
                       .taps = taps,
                       .row_exact = true});
  }
  return y;
}

Tensor Conv1d::with_libtorch(const Tensor& x, const Sequences& seqs) const {
  const Tensor weight = weight_.to(x.scalar_type()), bias = bias_.to(x.scalar_type());
  std::vector<Tensor> parts;
  for (std::int64_t b = 0; b < seqs.count(); ++b) {
    const Tensor tokens = x.narrow(0, seqs.starts[b], seqs.length(b)).t().unsqueeze(0);  // [1,D,T]
    parts.push_back(at::conv1d(tokens, weight, bias, 1, weight.size(2) / 2, 1, groups_)[0]
                        .narrow(1, 0, seqs.length(b))  // an even kernel gives one more
                        .t());
  }
  return at::concat(parts);
}

}  // namespace hft
