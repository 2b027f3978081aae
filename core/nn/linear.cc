// On the CPU the kernel of core/kernels/product.h reads the weights where the checkpoint has them,
// whatever their type; elsewhere LibTorch computes, from a copy in another type if need be.
#include "core/nn/linear.h"

#include <ATen/Parallel.h>

#include <atomic>
#include <mutex>

#include "core/kernels/product.h"
#include "core/nn/workers.h"

namespace hft {
namespace {

// Multiplications that are not worth another thread.
constexpr std::int64_t kSmallWork = 1 << 16;

Number number_of(at::ScalarType type) {
  return type == at::kFloat  ? Number::kFloat
         : type == at::kHalf ? Number::kHalf
                             : Number::kBFloat16;
}

bool kernel_reads(const Tensor& weight) {
  const auto type = weight.scalar_type();
  return weight.is_cpu() && (type == at::kFloat || type == at::kHalf || type == at::kBFloat16);
}

// What the kernel can apply while a sum is still in registers.
std::optional<Epilogue> epilogue_of(Activation activation) {
  switch (activation) {
    case Activation::kNone:
      return Epilogue::kNone;
    case Activation::kGelu:
      return Epilogue::kGelu;
    case Activation::kGeluTanh:
      return Epilogue::kGeluTanh;
    case Activation::kRelu:
      return Epilogue::kRelu;
    case Activation::kSilu:
      return Epilogue::kSilu;
    default:
      return std::nullopt;
  }
}

// As the kernel reads it.
Tensor single(const Tensor& x) {
  const Tensor wide = x.scalar_type() == at::kHalf ? x.to(at::kFloat) : x;
  return wide.stride(1) == 1 ? wide : wide.contiguous();
}

}  // namespace

struct Linear::State {
  std::shared_ptr<WeightStore> store;
  std::vector<Tensor> weights;  // as stored, {out, in} each
  Tensor gated;                 // {out, in}, or undefined
  Activation gate = Activation::kNone;
  Tensor bias;  // {sum of out} of the type computed with, or undefined

  std::once_flag converting;
  Tensor dense, dense_gated;  // for LibTorch, in the type computed with

  std::int64_t outputs() const {
    std::int64_t sum = 0;
    for (const auto& weight : weights) sum += weight.size(0);
    return sum;
  }
  std::int64_t depth() const { return weights[0].size(1); }

  bool kernel_serves() const {
    return has_product_kernel() && depth() % 2 == 0 && std::ranges::all_of(weights, kernel_reads) &&
           (!gated.defined() || kernel_reads(gated)) && epilogue_of(gate);
  }

  // y = act(x W^T + b) + residual; y may be residual.
  void kernel(const Tensor& x, Tensor& y, Epilogue epilogue, const Tensor& residual) {
    std::vector<Product> parts;
    std::int64_t begin = 0;
    for (const auto& weight : weights) {
      const auto offset = begin * y.element_size();
      parts.push_back(
          {.x = x.const_data_ptr(),
           .x_stride = x.stride(0),
           .weight = weight.const_data_ptr(),
           .bias = bias.defined() ? static_cast<const char*>(bias.const_data_ptr()) +
                                        begin * bias.element_size()
                                  : nullptr,
           .y = static_cast<char*>(y.data_ptr()) + offset,
           .y_stride = y.stride(0),
           .rows = x.size(0),
           .depth = depth(),
           .outputs = weight.size(0),
           .x_type = number_of(x.scalar_type()),
           .weight_type = number_of(weight.scalar_type()),
           .y_type = number_of(y.scalar_type()),
           .bias_type = number_of(store->dtype()),
           .epilogue = epilogue,
           .gated = gated.defined() ? gated.const_data_ptr() : nullptr,
           .residual = residual.defined()
                           ? static_cast<const char*>(residual.const_data_ptr()) + offset
                           : nullptr});
      begin += weight.size(0);
    }
    share_out(parts, begin);
  }

  static void share_out(const std::vector<Product>& parts, std::int64_t outputs) {
    const auto rows = parts[0].rows;
    if (rows == 0) return;
    const bool small = rows * outputs * parts[0].depth < kSmallWork;
    const int cores = small ? 1 : at::get_num_threads();
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
    if (cores == 1) return compute(0, outputs);
    if (rows <= kFewRows) {  // long runs of memory for each
      on_each_core(
          cores, [&](int core) { compute(outputs * core / cores, outputs * (core + 1) / cores); });
      return;
    }
    std::atomic<std::int64_t> next = 0;
    on_each_core(cores, [&](int) {
      for (std::int64_t o; (o = next.fetch_add(kOutputStep)) < outputs;)
        compute(o, std::min(o + kOutputStep, outputs));
    });
  }

  Tensor with_kernel(const Tensor& input, Activation activation, Tensor residual,
                     at::ScalarType type) {
    const Tensor x = single(input);
    const auto epilogue = epilogue_of(gated.defined() ? gate : activation);
    const bool in_place = residual.defined() && residual.is_contiguous();
    Tensor y = in_place ? residual : at::empty({x.size(0), outputs()}, x.options().dtype(type));
    kernel(x, y, epilogue.value_or(Epilogue::kNone), in_place ? residual : Tensor());
    if (!epilogue) y = activate(std::move(y), activation);
    return residual.defined() && !in_place ? y.add_(residual) : y;
  }

  Tensor with_libtorch(const Tensor& x, Activation activation) {
    std::call_once(converting, [&] {
      std::vector<Tensor> parts;
      for (const auto& weight : weights) parts.push_back(weight.to(store->dtype()));
      dense = parts.size() == 1 ? parts[0] : at::cat(parts);
      if (gated.defined()) dense_gated = gated.to(store->dtype());
    });
    Tensor y = activate(at::linear(x, dense, bias), gated.defined() ? gate : activation);
    return gated.defined() ? y.mul_(at::linear(x, dense_gated)) : y;
  }
};

Linear::Linear(const Weights& w, std::array<std::int64_t, 2> shape, bool bias) {
  Tensor weight = w.get("weight", shape);
  *this = Linear(w, std::move(weight), bias ? w.small("bias", {shape[0]}) : Tensor());
}

Linear::Linear(const Weights& w, Tensor weight, Tensor bias) : state_(std::make_shared<State>()) {
  state_->store = w.shared();
  state_->weights = {std::move(weight)};
  state_->bias = std::move(bias);
}

Linear::Linear(const Weights& w, const std::vector<Part>& parts, std::int64_t in, bool bias)
    : state_(std::make_shared<State>()) {
  state_->store = w.shared();
  std::vector<Tensor> biases;
  for (const auto& [name, out] : parts) {
    state_->weights.push_back((w / name).get("weight", {out, in}));
    if (bias) biases.push_back((w / name).small("bias", {out}));
  }
  const bool all = std::ranges::all_of(biases, [](const Tensor& b) { return b.defined(); });
  if (bias && all) state_->bias = at::cat(biases);
}

Linear Linear::gated(const Weights& w, Tensor gate, Tensor up, Activation activation) {
  Linear linear(w, std::move(gate), {});
  linear.state_->gated = std::move(up);
  linear.state_->gate = activation;
  return linear;
}

Tensor Linear::operator()(const Tensor& x, Activation activation) const {
  if (state_->kernel_serves())
    return state_->with_kernel(x, activation, {}, state_->store->dtype());
  return state_->with_libtorch(x, activation);
}

Tensor Linear::plus(const Tensor& x, Tensor residual) const {
  if (state_->kernel_serves())
    return state_->with_kernel(x, Activation::kNone, std::move(residual), state_->store->dtype());
  return residual.add_(state_->with_libtorch(x, Activation::kNone));
}

Tensor Linear::in_float(const Tensor& x, Tensor out) const {
  if (!out.defined()) out = at::empty({x.size(0), state_->outputs()}, at::kFloat);
  if (state_->kernel_serves())
    state_->kernel(single(x), out, Epilogue::kNone, {});
  else
    out.copy_(state_->with_libtorch(x, Activation::kNone));
  return out;
}

}  // namespace hft
