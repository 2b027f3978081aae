// The kernel is a product whose rows are gathered as they are read: no matrix of patches is made.
// The twin is LibTorch's conv2d of one picture after the other.
#include "core/nn/conv2d.h"

#include "core/base/error.h"
#include "core/kernels/depthwise.h"
#include "core/nn/row_blocks.h"
#include "core/nn/twins.h"
#include "core/quant/stored_matrix.h"

namespace hft {
namespace {

// For each cell of `to` the rows of x [N,C] under the kernel's taps; -1: past the edge.
std::vector<std::int32_t> places_of(const std::vector<Grid>& from, const std::vector<Grid>& to,
                                    const Conv2d::Shape& s) {
  std::vector<std::int32_t> places;
  std::int64_t cells = 0, begin = 0;
  for (const Grid& grid : to) cells += grid.cells();
  places.reserve(cells * s.kernel * s.kernel);
  for (std::size_t b = 0; b < from.size(); begin += from[b++].cells())
    for (std::int64_t y = 0; y < to[b].height; ++y)
      for (std::int64_t x = 0; x < to[b].width; ++x)
        for (std::int64_t i = 0; i < s.kernel; ++i)
          for (std::int64_t j = 0; j < s.kernel; ++j) {
            const auto row = y * s.stride - s.padding + i * s.dilation;
            const auto column = x * s.stride - s.padding + j * s.dilation;
            const bool inside = row >= 0 && row < from[b].height && column >= 0 &&
                                column < from[b].width;
            places.push_back(
                inside ? static_cast<std::int32_t>(begin + row * from[b].width + column) : -1);
          }
  return places;
}

Tensor bound(const Weights& w, const Conv2d::Shape& s) {
  return w.get("weight", {s.out, s.in / s.groups, s.kernel, s.kernel});
}

}  // namespace

BatchNorm::BatchNorm(const Weights& w, std::int64_t size, double eps)
    : weight(w.get("weight", {size})),
      bias(w.get("bias", {size})),
      mean(w.buffer("running_mean", {size})),
      variance(w.buffer("running_var", {size})),
      eps(eps) {}

Conv2d::Conv2d(const Weights& w, const Shape& shape, bool bias)
    : shape_(shape), weight_(bound(w, shape)), dtype_(w.store().dtype()) {
  if (bias) bias_ = w.small("bias", {shape.out});
  lay_out();
}

Conv2d::Conv2d(const Weights& w, const Shape& shape, const BatchNorm& norm)
    : shape_(shape), weight_(bound(w, shape)), dtype_(w.store().dtype()) {
  if (!weight_.defined() || !norm.weight.defined() || !norm.bias.defined() ||
      !norm.mean.defined() || !norm.variance.defined())
    return;
  const auto wide = [](const Tensor& x) { return x.to(at::kDouble); };
  const Tensor scale = wide(norm.weight) / (wide(norm.variance) + norm.eps).sqrt();
  weight_ = (wide(weight_) * scale.view({-1, 1, 1, 1})).to(at::kFloat);
  bias_ = (wide(norm.bias) - wide(norm.mean) * scale).to(at::kFloat);
  lay_out();
}

void Conv2d::lay_out() {
  if (!weight_.defined() || weight_.requires_grad()) return;
  if (weight_.scalar_type() == at::kDouble) weight_ = weight_.to(at::kFloat);
  if (shape_.groups == 1)
    rows_ = weight_.permute({0, 2, 3, 1}).reshape({shape_.out, -1}).contiguous();
  else if (shape_.groups == shape_.in && shape_.in == shape_.out)
    rows_ = weight_.view({shape_.out, -1}).t().to(at::kFloat).contiguous();
}

Grid Conv2d::grid_of(const Grid& grid) const {
  const auto size = [&](std::int64_t n) {
    return (n + 2 * shape_.padding - shape_.dilation * (shape_.kernel - 1) - 1) / shape_.stride + 1;
  };
  const auto reach = shape_.dilation * (shape_.kernel - 1) + 1;
  if (std::min(grid.height, grid.width) + 2 * shape_.padding < reach)
    fail(Errc::kBadData, "a picture of ", grid.height, " x ", grid.width,
         " cells is too small for a convolution of ", reach, " x ", reach);
  return {size(grid.height), size(grid.width)};
}

Cells Conv2d::operator()(const Cells& x, Activation activation) const {
  std::vector<Grid> grids;
  for (const Grid& grid : x.grids) grids.push_back(grid_of(grid));
  Tensor y = compute(x, grids, activation, {});
  return {std::move(y), std::move(grids)};
}

Cells Conv2d::plus(const Cells& x, const Cells& residual, Activation activation) const {
  return residual.with(compute(x, residual.grids, activation, residual.x));
}

Tensor Conv2d::compute(const Cells& x, const std::vector<Grid>& grids, Activation activation,
                       const Tensor& residual) const {
  if (!kernel_computes(x.x) || !rows_.defined()) return with_libtorch(x, activation, residual);
  return with_kernel(x, grids, activation, residual);
}

Tensor Conv2d::with_kernel(const Cells& cells, const std::vector<Grid>& grids,
                           Activation activation, const Tensor& residual) const {
  const Tensor x = (cells.x.scalar_type() == at::kHalf ? cells.x.to(at::kFloat) : cells.x).contiguous();
  std::int64_t count = 0;
  for (const Grid& grid : grids) count += grid.cells();
  const bool every = shape_.kernel == 1 && shape_.stride == 1 && shape_.padding == 0 &&
                     shape_.groups == 1;
  const auto places = every ? std::vector<std::int32_t>() : places_of(cells.grids, grids, shape_);
  const Tensor bias = bias_.defined() ? bias_.to(at::kFloat) : bias_;
  if (shape_.groups > 1) {
    const Tensor sums = at::empty({count, shape_.out},
                                  x.options().dtype(dtype_ == at::kBFloat16 ? dtype_ : at::kFloat));
    compute_depthwise({.x = x.const_data_ptr(),
                       .weight = rows_.const_data_ptr<float>(),
                       .bias = bias.defined() ? bias.const_data_ptr<float>() : nullptr,
                       .places = places.data(),
                       .y = sums.data_ptr(),
                       .rows = count,
                       .channels = shape_.out,
                       .taps = shape_.kernel * shape_.kernel,
                       .x_bfloat16 = x.scalar_type() == at::kBFloat16,
                       .y_bfloat16 = sums.scalar_type() == at::kBFloat16});
    Tensor y = sums.to(dtype_);
    return activate(residual.defined() ? y.add_(residual) : y, activation);
  }
  Tensor y = at::empty({count, shape_.out}, x.options().dtype(dtype_));
  const Tensor added = residual.defined() ? residual.to(dtype_).contiguous() : residual;
  compute_in_blocks({.x = x.const_data_ptr(),
                     .x_stride = shape_.in,
                     .weight = rows_.const_data_ptr(),
                     .bias = bias.defined() ? bias.const_data_ptr() : nullptr,
                     .y = y.data_ptr(),
                     .y_stride = shape_.out,
                     .rows = count,
                     .depth = rows_.size(1),
                     .outputs = shape_.out,
                     .x_type = number_of(x),
                     .weight_type = number_of(rows_),
                     .y_type = number_of(y),
                     .bias_type = Number::kFloat,
                     .activation = activation,
                     .residual = added.defined() ? added.const_data_ptr() : nullptr,
                     .residual_inside = true,
                     .places = every ? nullptr : places.data(),
                     .taps = shape_.kernel * shape_.kernel,
                     .row_exact = true});
  return y;
}

Tensor Conv2d::with_libtorch(const Cells& x, Activation activation, const Tensor& residual) const {
  const Tensor weight = weight_.to(dtype_), bias = bias_.defined() ? bias_.to(dtype_) : bias_;
  Tensor y = each_plane(x, [&](const Tensor& plane) {
               return at::conv2d(plane.to(dtype_), weight, bias, {shape_.stride, shape_.stride},
                                 {shape_.padding, shape_.padding}, {shape_.dilation, shape_.dilation},
                                 shape_.groups);
             }).x;
  if (residual.defined()) y = y + residual;
  return activate(y, activation);
}

}  // namespace hft
