// Convolutions over the cells of each picture, zeros past its edges.
#pragma once

#include "core/nn/activation.h"
#include "core/nn/cells.h"
#include "core/nn/weights.h"

namespace hft {

// Batch normalisation by statistics of the training data (arXiv:1502.03167), which a convolution
// takes into its weights.
struct BatchNorm {
  Tensor weight, bias, mean, variance;  // [C]
  double eps;
  BatchNorm(const Weights& w, std::int64_t size, double eps);
};

class Conv2d {
 public:
  struct Shape {
    std::int64_t in, out, kernel = 1, stride = 1, padding = 0, dilation = 1, groups = 1;
  };
  Conv2d() = default;
  // Binds `weight` {out, in / groups, kernel, kernel} and, with `bias`, `bias` {out}.
  Conv2d(const Weights& w, const Shape& shape, bool bias = true);
  // Without a bias, followed by a norm.
  Conv2d(const Weights& w, const Shape& shape, const BatchNorm& norm);

  // act(conv(x))
  Cells operator()(const Cells& x, Activation activation = Activation::kNone) const;
  // act(conv(x) + residual)
  Cells plus(const Cells& x, const Cells& residual, Activation activation) const;

 private:
  void lay_out();
  Grid grid_of(const Grid& grid) const;
  Tensor compute(const Cells& x, const std::vector<Grid>& grids, Activation activation,
                 const Tensor& residual) const;
  Tensor with_kernel(const Cells& x, const std::vector<Grid>& grids, Activation activation,
                     const Tensor& residual) const;
  Tensor with_libtorch(const Cells& x, Activation activation, const Tensor& residual) const;

  Shape shape_{};
  Tensor weight_, bias_;
  Tensor rows_;  // for the kernel: {out, kernel*kernel*in}, or where each channel is by itself
                 // {kernel*kernel, out} float32
  at::ScalarType dtype_ = at::kFloat;
};

}  // namespace hft
