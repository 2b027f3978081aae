#include "core/models/train/lora.h"

#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "core/base/error.h"
#include "core/models/load_parts.h"

namespace hft {
namespace {

// "layer.0.attention.q_lin" fits "q_lin" and itself.
bool fits(std::string_view module, const std::string& target) {
  return module == target || module.ends_with("." + target);
}

std::string module_of(const std::string& tensor) { return tensor.substr(0, tensor.rfind('.')); }

}  // namespace

Lora::Lora(const LoraSettings& settings, const WeightStore& store,
           const std::vector<std::string>& names, std::uint64_t seed)
    : settings_(settings) {
  const auto generator = at::detail::createCPUGenerator(seed);
  std::set<std::string> used;
  const auto in = [&](const std::vector<std::string>& targets, const std::string& name) {
    for (const auto& target : targets)
      if (fits(module_of(name), target)) return used.insert(target), true;
    return false;
  };
  for (const auto& name : names) {
    const auto found = store.parameters().find(name);
    if (found == store.parameters().end()) continue;
    Tensor weight = found->second;
    if (in(settings.trained, name)) {
      whole_.emplace_back(weight, trained_.size());
      trained_.push_back({name, weight});
      continue;
    }
    if (name.ends_with(".weight") && weight.dim() == 2 && in(settings.targets, name))
      add(name, weight, generator);
    else
      weight.set_requires_grad(false);
  }
  for (const auto& target : settings.targets)
    if (!used.contains(target))
      fail(Errc::kUsage, "--target-modules ", target, ": no module of the model is called so");
}

// Two layers are made and their numbers drawn, before A's are drawn anew.
void Lora::add(const std::string& name, const Tensor& weight, const at::Generator& generator) {
  const bool transposed = name.find(".c_") != name.npos;  // GPT-2's Conv1D
  const auto out = weight.size(transposed ? 1 : 0), in = weight.size(transposed ? 0 : 1);
  const auto draw = [&](std::int64_t rows, std::int64_t cols) {
    const double bound = 1 / std::sqrt(static_cast<double>(cols));
    return at::empty({rows, cols}, at::kFloat).uniform_(-bound, bound, generator);
  };
  draw(settings_.rank, in);
  draw(out, settings_.rank);
  const Tensor a = draw(settings_.rank, in).to(weight.device());
  pairs_.push_back(
      {weight, weight.detach().clone(), trained_.size(), trained_.size() + 1, transposed});
  trained_.push_back({module_of(name) + ".lora_A.weight", a});
  trained_.push_back(
      {module_of(name) + ".lora_B.weight", at::zeros({out, settings_.rank}, a.options())});
}

void Lora::gather_gradients() {
  for (const auto& [weight, i] : whole_) trained_[i].gradient = weight.grad();
  for (const Pair& pair : pairs_) {
    Tensor gradient = pair.weight.grad();
    if (!gradient.defined()) continue;
    if (pair.transposed) gradient = gradient.t();
    Trained &a = trained_[pair.a], &b = trained_[pair.b];
    b.gradient = at::matmul(gradient, a.value.t()) * settings_.scale();
    a.gradient = at::matmul(b.value.t(), gradient) * settings_.scale();
  }
}

void Lora::apply() {
  for (Pair& pair : pairs_) {
    const Tensor added =
        at::matmul(trained_[pair.b].value, trained_[pair.a].value) * settings_.scale();
    pair.weight.copy_(pair.before + (pair.transposed ? added.t() : added));
  }
}

}  // namespace hft
