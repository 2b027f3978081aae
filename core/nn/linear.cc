// Three ways to the product, by how much work there is:
//   few rows in all      the weight as the file has it: no copy, nothing to prepare
//   another type wanted  a copy in that type, made at the first product
//   many rows            the weight in oneDNN's blocked order, made once (1.2 to 1.5 times faster)
// Whatever is made replaces the mapped pages, which go back to the system.
#include "core/nn/linear.h"

#include <ATen/core/dispatch/Dispatcher.h>

#include <atomic>
#include <mutex>

namespace hft {
namespace {

// Rows after which packing has paid for itself in float32 (measured at 768 x 3072); narrower types
// are packed at once, because LibTorch would reorder them in every call.
constexpr std::int64_t kPackRows = 512;

using Reorder = Tensor(const Tensor&, std::optional<std::int64_t>);
using Pointwise = Tensor(const Tensor&, const Tensor&, const std::optional<Tensor>&,
                         std::string_view, c10::List<std::optional<at::Scalar>>,
                         std::optional<std::string_view>);

// oneDNN's operators, which LibTorch registers on x86 builds.
struct Packed {
  std::optional<c10::TypedOperatorHandle<Reorder>> reorder;
  std::optional<c10::TypedOperatorHandle<Pointwise>> product;
  Packed() {
    auto& dispatcher = c10::Dispatcher::singleton();
    auto first = dispatcher.findSchema({"mkldnn::_reorder_linear_weight", ""});
    auto second = dispatcher.findSchema({"mkldnn::_linear_pointwise", ""});
    if (!first || !second || !at::hasMKLDNN()) return;
    try {
      reorder = first->typed<Reorder>();
      product = second->typed<Pointwise>();
    } catch (const c10::Error&) {  // another LibTorch, other arguments
      reorder.reset();
    }
  }
  static const Packed& ops() {
    static const Packed packed;
    return packed;
  }
};

// What the product can apply while a tile is still in registers.
struct PostOp {
  std::string_view name = "none", algorithm = "none";
};
std::optional<PostOp> post_op(Activation activation) {
  switch (activation) {
    case Activation::kNone:
      return PostOp{};
    case Activation::kGelu:
      return PostOp{"gelu", "none"};
    case Activation::kGeluTanh:
      return PostOp{"gelu", "tanh"};
    case Activation::kRelu:
      return PostOp{"relu", "none"};
    case Activation::kSilu:
      return PostOp{"swish", "none"};
    default:
      return std::nullopt;
  }
}

}  // namespace

struct Linear::State {
  std::shared_ptr<WeightStore> store;
  std::vector<Tensor> weights;  // as stored, {out, in} each
  Tensor bias;                  // {parts * out}, or undefined
  Tensor dense;                 // the weights in the type computed with, when that differs
  Tensor packed;                // the same in oneDNN's order
  std::int64_t rows_seen = 0;
  bool may_pack = true;
  std::mutex preparing;
  std::atomic<bool> ready = false;  // dense or packed is there, and stays

  bool stored_as_wanted() const { return weights[0].scalar_type() == store->dtype(); }

  // The weights as one matrix of the type computed with.
  Tensor joined() const {
    std::vector<Tensor> parts;
    for (const auto& part : weights) parts.push_back(part.to(store->dtype()));
    return parts.size() == 1 ? parts[0] : at::cat(parts);  // [parts * out, in]
  }
  void release() const {
    for (const auto& part : weights) store->release(part);
  }

  void prepare(const Tensor& x) {
    if (ready.load(std::memory_order_acquire)) return;
    const std::lock_guard lock(preparing);
    if (ready) return;
    rows_seen += x.size(0);
    const bool narrow = store->dtype() == at::kBFloat16;
    if (may_pack && x.is_cpu() &&
        (narrow || (store->dtype() == at::kFloat && rows_seen >= kPackRows)))
      pack();
    if (!packed.defined() && !stored_as_wanted()) {
      dense = joined();
      release();
    }
    ready.store(packed.defined() || dense.defined(), std::memory_order_release);
  }

  void pack() {
    may_pack = false;
    if (!Packed::ops().reorder) return;
    try {
      packed = Packed::ops().reorder->call(joined(), std::nullopt);
      release();
    } catch (const c10::Error&) {  // this processor lacks what the type needs
      packed.reset();
    }
  }

  Tensor plain(const Tensor& x) const {
    if (dense.defined()) return at::linear(x, dense, bias);
    if (weights.size() == 1) return at::linear(x, weights[0], bias);
    const auto out = weights[0].size(0);
    Tensor y = at::empty({x.size(0), out * static_cast<std::int64_t>(weights.size())}, x.options());
    for (std::size_t i = 0; i < weights.size(); ++i) {
      const auto begin = static_cast<std::int64_t>(i) * out;
      y.narrow(1, begin, out)
          .copy_(at::linear(x, weights[i], bias.defined() ? bias.narrow(0, begin, out) : bias));
    }
    return y;  // [N, parts * out]
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

Linear::Linear(const Weights& w, const std::vector<std::string>& parts,
               std::array<std::int64_t, 2> shape, bool bias)
    : state_(std::make_shared<State>()) {
  state_->store = w.shared();
  std::vector<Tensor> biases;
  for (const auto& part : parts) {
    state_->weights.push_back((w / part).get("weight", shape));
    if (bias) biases.push_back((w / part).small("bias", {shape[0]}));
  }
  const bool all = std::ranges::all_of(biases, [](const Tensor& b) { return b.defined(); });
  if (bias && all) state_->bias = at::cat(biases);
  // One file may store its tensors in several types.
  for (auto& part : state_->weights)
    if (part.defined() && state_->weights[0].defined())
      part = part.to(state_->weights[0].scalar_type());
}

Tensor Linear::operator()(const Tensor& x, Activation activation) const {
  state_->prepare(x);
  if (!state_->ready || !state_->packed.defined()) return activate(state_->plain(x), activation);
  const auto post = post_op(activation);
  const auto& [name, algorithm] = post.value_or(PostOp{});
  Tensor y = Packed::ops().product->call(rounded_up(x), state_->packed, state_->bias, name,
                                         c10::List<std::optional<at::Scalar>>(), algorithm);
  y = y.narrow(0, 0, x.size(0));
  return post ? y : activate(std::move(y), activation);
}

}  // namespace hft
