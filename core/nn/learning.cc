#include "core/nn/learning.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/autocast_mode.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/functions/utils.h>

#include <cmath>
#include <limits>

#include "core/nn/twins.h"

namespace hft {
namespace {

thread_local Learning* learning_here = nullptr;

using torch::autograd::Node;
using torch::autograd::variable_list;

// y, of which `node` will be asked for gradients of x.
Tensor with_history(Tensor y, const Tensor& x, const c10::intrusive_ptr<Node>& node) {
  node->set_next_edges(torch::autograd::collect_next_edges(x));
  torch::autograd::create_gradient_edge(y, node);
  return y;
}

struct Recomputing : Node {
  std::function<Tensor(const Tensor&)> f;
  Tensor x;
  std::uint64_t seed = 0;

  // f(from) with the noise that the seed gives.
  Tensor compute(const Tensor& from) const {
    at::Generator drawing = generator_of(seed);
    std::swap(learning_here->generator, drawing);
    learning_here->recomputes = false;
    Tensor y = f(from);
    learning_here->recomputes = true;
    std::swap(learning_here->generator, drawing);
    return y;
  }
  variable_list apply(variable_list&& gradients) override {
    const c10::AutoGradMode with_gradients(true);
    Tensor again = x.detach().requires_grad_(true);
    torch::autograd::backward({compute(again)}, {gradients[0]});
    return {again.grad()};
  }
};

struct FrozenProduct : Node {
  std::function<Tensor()> weight;
  variable_list apply(variable_list&& gradients) override {
    return {at::matmul(gradients[0], weight().to(gradients[0].scalar_type()))};
  }
};

}  // namespace

at::Generator generator_of(std::uint64_t seed) { return at::detail::createCPUGenerator(seed); }

Learning* learning() { return learning_here; }

LearningHere::LearningHere(Learning& learning, at::Device device)
    : before_(std::exchange(learning_here, &learning)),
      twins_before_(twins_forced().exchange(true)),
      bf16_(learning.bf16),
      device_(device.type()) {
  if (!bf16_) return;
  at::autocast::set_autocast_enabled(device_, true);
  at::autocast::set_autocast_dtype(device_, at::kBFloat16);
  at::autocast::increment_nesting();
}
LearningHere::~LearningHere() {
  learning_here->kept.clear();
  learning_here = before_;
  twins_forced() = twins_before_;
  if (!bf16_) return;
  at::autocast::decrement_nesting();
  at::autocast::clear_cache();
  at::autocast::set_autocast_enabled(device_, false);
}

Tensor dropped(const Tensor& x, double probability) {
  Learning* now = learning_here;
  if (!now || now->evaluates || probability <= 0) return x;
  const Tensor kept = at::empty(x.sizes(), at::TensorOptions(x.scalar_type()))
                          .bernoulli_(1 - probability, now->generator)
                          .div_(1 - probability);
  return x * kept.to(x.device());
}

Tensor jittered(const Tensor& x) {
  Learning* now = learning_here;
  if (!now || now->evaluates || now->jitter <= 0) return x;
  for (const Sequences& seqs : now->texts) {
    if (seqs.tokens() != x.size(0)) continue;
    Tensor noise = at::empty(x.sizes(), at::kFloat).uniform_(-1, 1, now->generator);
    for (std::int64_t b = 0; b < seqs.count(); ++b)
      noise.narrow(0, seqs.starts[b], seqs.length(b))
          .mul_(now->jitter / std::sqrt(static_cast<double>(seqs.length(b) * x.size(1))));
    return x + noise.to(x.device(), x.scalar_type());
  }
  return x;
}

Tensor recomputed(const Tensor& x, std::function<Tensor(const Tensor&)> f) {
  const Learning* now = learning_here;
  if (!now || !now->recomputes || !c10::GradMode::is_enabled()) return f(x);
  const auto node = c10::make_intrusive<Recomputing>();
  node->f = std::move(f);
  node->x = x;
  node->seed = static_cast<std::uint64_t>(
      at::randint(std::numeric_limits<std::int64_t>::max(), {1}, now->generator, at::kLong)
          .item<std::int64_t>());
  Tensor y;
  {
    const c10::AutoGradMode no_gradients(false);
    y = node->compute(x);
  }
  return with_history(y, x, node);
}

Tensor frozen_product(const Tensor& x, std::function<Tensor()> weight) {
  Tensor y;
  {
    const c10::AutoGradMode no_gradients(false);
    y = at::matmul(x, weight().to(x.scalar_type()).t());
  }
  if (!c10::GradMode::is_enabled() || !x.requires_grad()) return y;
  const auto node = c10::make_intrusive<FrozenProduct>();
  node->weight = std::move(weight);
  return with_history(y, x, node);
}

}  // namespace hft
