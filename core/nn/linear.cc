// On the CPU the kernel of core/kernels/product.h reads the weights where the checkpoint has them,
// whatever their types. Its twin is LibTorch's linear, from a copy in another type if need be.
#include "core/nn/linear.h"

#include <algorithm>
#include <atomic>
#include <mutex>

#include "core/kernels/product.h"
#include "core/nn/twins.h"
#include "core/nn/workers.h"

namespace hft {
namespace {

// Multiplications that are not worth another thread.
constexpr std::int64_t kSmallWork = 1 << 16;

Number number_of(const Tensor& tensor) {
  return tensor.scalar_type() == at::kFloat  ? Number::kFloat
         : tensor.scalar_type() == at::kHalf ? Number::kHalf
                                             : Number::kBFloat16;
}

// As the kernel reads it.
Tensor single(const Tensor& x) {
  const Tensor wide = x.scalar_type() == at::kHalf ? x.to(at::kFloat) : x;
  return wide.stride(1) == 1 ? wide : wide.contiguous();
}

// Rows of one weight, which lie together in memory or, transposed, side by side.
using Slices = std::vector<Tensor>;

// [groups, kinds, E] -> [kinds, groups, E], E being what is left of the first dimension.
Slices regrouped(const Tensor& stored, std::int64_t groups, std::int64_t kinds) {
  const auto size = stored.size(0) / (groups * kinds);
  Slices slices;
  for (std::int64_t kind = 0; kind < kinds; ++kind)
    for (std::int64_t group = 0; group < groups; ++group)
      slices.push_back(stored.narrow(0, (group * kinds + kind) * size, size));
  return slices;
}

// {rows, in}, or {in, rows} where transposed.
Tensor matrix_of(const Weights& w, const Linear::Part& part, std::int64_t rows, std::int64_t in) {
  const auto& stored = part.stored;
  if (stored.transposed) return (w / part.name).get("weight", {in, rows});
  if (!stored.kernel.empty()) {
    std::vector<std::int64_t> shape{rows};
    shape.insert(shape.end(), stored.kernel.begin(), stored.kernel.end());
    const Tensor all = (w / part.name).get("weight", shape);
    return all.defined() ? all.view({rows, in}) : all;
  }
  if (stored.slabs == 0) return (w / part.name).get("weight", {rows, in});
  const Tensor all = w.get(part.name, {stored.slabs, rows, in});
  return all.defined() ? all[stored.slab] : all;
}

Slices bind(const Weights& w, const Linear::Part& part, std::int64_t in) {
  const auto& stored = part.stored;
  Tensor weight = matrix_of(w, part, stored.of > 0 ? stored.of : part.out, in);
  if (!weight.defined()) return {weight};
  if (weight.scalar_type() == at::kDouble) weight = weight.to(at::kFloat);  // no kernel reads it
  if (stored.transposed) weight = weight.t();
  if (stored.of > 0) weight = weight.narrow(0, stored.begin, part.out);
  return stored.groups > 0 ? regrouped(weight, stored.groups, stored.kinds) : Slices{weight};
}

Tensor bind_bias(const Weights& w, const Linear::Part& part) {
  const auto& stored = part.stored;
  if (!part.biased) return at::zeros({part.out}, at::TensorOptions(w.store().dtype()).device(w.store().device()));
  Tensor bias = (w / part.name).small("bias", {stored.of > 0 ? stored.of : part.out});
  if (!bias.defined()) return bias;
  if (stored.of > 0) bias = bias.narrow(0, stored.begin, part.out);
  return stored.groups > 0 ? at::concat(regrouped(bias, stored.groups, stored.kinds)) : bias;
}

void append(Slices& all, Slices more) {
  all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

}  // namespace

struct Linear::State {
  std::shared_ptr<WeightStore> store;
  Slices weights;  // as stored, {rows, in} each; all their rows are the outputs
  Slices gated;    // of the same shapes, or empty
  Activation gate = Activation::kNone;
  Tensor bias;  // {sum of out} of the type computed with, or undefined
  Linear up;    // in place of `gated`, where it has a bias

  std::once_flag converting;
  Tensor dense, dense_gated;  // for the twin, in the type computed with

  std::int64_t outputs() const {
    std::int64_t sum = 0;
    for (const auto& weight : weights) sum += weight.size(0);
    return sum;
  }

  bool kernel_serves(const Tensor& x) const {
    return kernel_computes(x) && !weights[0].requires_grad();
  }

  // y = act(x W^T + b) + residual; y may be residual.
  void kernel(const Tensor& x, Tensor& y, Activation activation, const Tensor& residual) {
    std::vector<Product> parts;
    std::int64_t begin = 0;
    const auto at = [&](const Tensor& tensor) -> const void* {  // its column `begin`
      if (!tensor.defined()) return nullptr;
      return static_cast<const char*>(tensor.const_data_ptr()) + begin * tensor.element_size();
    };
    for (std::size_t i = 0; i < weights.size(); ++i) {
      Product part{.x = x.const_data_ptr(),
                   .x_stride = x.stride(0),
                   .weight = weights[i].const_data_ptr(),
                   .bias = at(bias),
                   .y = const_cast<void*>(at(y)),
                   .y_stride = y.stride(0),
                   .rows = x.size(0),
                   .depth = weights[i].size(1),
                   .outputs = weights[i].size(0),
                   .x_type = number_of(x),
                   .weight_type = number_of(weights[i]),
                   .y_type = number_of(y),
                   .bias_type = bias.defined() ? number_of(bias) : Number::kFloat,
                   .activation = activation,
                   .weight_stride = weights[i].is_contiguous() ? 0 : weights[i].stride(1),
                   .residual = at(residual),
                   .row_exact = store->row_exact()};
      if (!gated.empty()) {
        part.gated = gated[i].const_data_ptr();
        part.gated_type = number_of(gated[i]);
      }
      parts.push_back(part);
      begin += weights[i].size(0);
    }
    share_out(parts, begin);
  }

  static void share_out(const std::vector<Product>& parts, std::int64_t outputs) {
    const auto rows = parts[0].rows;
    if (rows == 0) return;
    const bool small = rows * outputs * parts[0].depth < kSmallWork;
    const int count = small ? 1 : cores();
    // Outputs [begin, end) of all parts together.
    const auto compute = [&](std::int64_t begin, std::int64_t end) {
      std::int64_t first = 0;
      for (const auto& part : parts) {
        const auto from = std::max(begin, first) - first;
        const auto to = std::min(end, first + part.outputs) - first;
        if (from < to) compute_product(part, from, to);
        first += part.outputs;
      }
    };
    if (count == 1) return compute(0, outputs);
    if (rows <= kFewRows) {  // long runs of memory for each
      on_each_core(
          count, [&](int core) { compute(outputs * core / count, outputs * (core + 1) / count); });
      return;
    }
    std::atomic<std::int64_t> next = 0;
    on_each_core(count, [&](int) {
      for (std::int64_t o; (o = next.fetch_add(kOutputStep)) < outputs;)
        compute(o, std::min(o + kOutputStep, outputs));
    });
  }

  Tensor with_kernel(const Tensor& input, Activation activation, Tensor residual) {
    const Tensor x = single(input);
    const bool in_place = residual.defined() && residual.is_contiguous();
    Tensor y =
        in_place ? residual : at::empty({x.size(0), outputs()}, x.options().dtype(store->dtype()));
    kernel(x, y, activation, in_place ? residual : Tensor());
    return residual.defined() && !in_place ? y.add_(residual) : y;
  }

  Tensor joined(const Slices& slices) const {  // {out, in} in the type computed with
    std::vector<Tensor> parts;
    for (const auto& slice : slices) parts.push_back(slice.to(store->dtype()));
    return parts.size() == 1 ? parts[0] : at::concat(parts);
  }

  Tensor with_libtorch(const Tensor& input, Activation activation) {
    const Tensor x = input.to(store->dtype());
    if (weights[0].requires_grad()) {  // it changes from step to step
      const Tensor y = activate(at::linear(x, joined(weights), bias), activation);
      return gated.empty() ? y : y * at::linear(x, joined(gated));
    }
    std::call_once(converting, [&] {
      dense = joined(weights);
      if (!gated.empty()) dense_gated = joined(gated);
    });
    const Tensor y = activate(at::linear(x, dense, bias), activation);
    return gated.empty() ? y : y * at::linear(x, dense_gated);
  }
};

Linear::Linear(const Weights& w, std::array<std::int64_t, 2> shape, bool bias)
    : Linear(w, {{"", shape[0]}}, shape[1], bias) {}

Linear::Linear(const Weights& w, std::array<std::int64_t, 2> shape, Tensor bias)
    : Linear(w, shape, false) {
  state_->bias = std::move(bias);
}

Linear::Linear(const Weights& w, const std::vector<Part>& parts, std::int64_t in, bool bias)
    : state_(std::make_shared<State>()) {
  state_->store = w.shared();
  std::vector<Tensor> biases;
  for (const auto& part : parts) {
    append(state_->weights, bind(w, part, in));
    if (bias) biases.push_back(bind_bias(w, part));
  }
  const bool all = std::ranges::all_of(biases, [](const Tensor& b) { return b.defined(); });
  if (bias && all) state_->bias = biases.size() == 1 ? biases[0] : at::concat(biases);
}

Linear::Linear(std::shared_ptr<WeightStore> store, const Tensor& weight, Tensor bias)
    : state_(std::make_shared<State>()) {
  state_->store = std::move(store);
  state_->weights = {weight};
  state_->bias = std::move(bias);
}

Linear Linear::gated(const Weights& w, const std::array<Part, 2>& gate_up, std::int64_t in,
                     Activation activation, bool bias) {
  Linear linear(w, {gate_up[0]}, in, bias);
  linear.state_->gate = activation;
  if (bias)
    linear.state_->up = Linear(w, {gate_up[1]}, in);
  else
    linear.state_->gated = bind(w, gate_up[1], in);
  return linear;
}

Tensor Linear::operator()(const Tensor& x, Activation activation) const {
  if (state_->gate != Activation::kNone) activation = state_->gate;
  Tensor y = state_->kernel_serves(x) ? state_->with_kernel(x, activation, {})
                                      : state_->with_libtorch(x, activation);
  return state_->up.state_ ? y * state_->up(x) : y;
}

Tensor Linear::plus(const Tensor& x, Tensor residual) const {
  if (state_->kernel_serves(x))
    return state_->with_kernel(x, Activation::kNone, std::move(residual));
  return residual + state_->with_libtorch(x, Activation::kNone);
}

Tensor Linear::in_float(const Tensor& x, Tensor out) const {
  if (!out.defined()) out = at::empty({x.size(0), state_->outputs()}, x.options().dtype(at::kFloat));
  if (state_->kernel_serves(x))
    state_->kernel(single(x), out, Activation::kNone, {});
  else
    out.copy_(state_->with_libtorch(x, Activation::kNone));
  return out;
}

}  // namespace hft
