#include "core/models/train/lora.h"

#include <algorithm>
#include <cmath>

#include "core/base/error.h"

namespace hft {
namespace {

// "layer.0.attention.q_lin" fits "q_lin" and itself.
bool fits(std::string_view module, const std::string& target) {
  return module == target || module.ends_with("." + target);
}

// "classifier.dense" is in "classifier".
bool within(std::string_view module, const std::string& target) {
  return ("." + std::string(module) + ".").find("." + target + ".") != std::string::npos;
}

std::string module_of(const std::string& tensor) { return tensor.substr(0, tensor.rfind('.')); }

}  // namespace

Lora::Lora(const LoraSettings& settings, const std::vector<WeightStore::Missing>& tensors,
           std::uint64_t seed, at::Device device)
    : settings_(settings) {
  const at::Generator generator = generator_of(seed);
  std::set<std::string> used;
  const auto targeted = [&](const std::string& name) {
    for (const auto& target : settings.targets)
      if (fits(module_of(name), target)) return used.insert(target), true;
    return false;
  };
  for (const auto& tensor : tensors) {
    if (std::ranges::any_of(settings.trained, [&](const auto& target) {
          return within(module_of(tensor.name), target);
        })) {
      whole_.insert(tensor.name);
      order_.push_back(tensor.name);
    } else if (tensor.name.ends_with(".weight") && tensor.shape.size() == 2 &&
               targeted(tensor.name)) {
      add(tensor, generator, device);
    }
  }
  for (const auto& target : settings.targets)
    if (!used.contains(target))
      fail(Errc::kUsage, "--target-modules ", target, ": no module of the model is called so");
}

// Two layers are made and their numbers drawn, before A's are drawn anew.
void Lora::add(const WeightStore::Missing& tensor, const at::Generator& generator,
               at::Device device) {
  const bool transposed = tensor.name.find(".c_") != tensor.name.npos;  // GPT-2's Conv1D
  const auto out = tensor.shape[transposed ? 1 : 0], in = tensor.shape[transposed ? 0 : 1];
  const auto draw = [&](std::int64_t rows, std::int64_t cols) {
    const double bound = 1 / std::sqrt(static_cast<double>(cols));
    return at::empty({rows, cols}, at::kFloat).uniform_(-bound, bound, generator);
  };
  draw(settings_.rank, in);
  draw(out, settings_.rank);
  const Tensor a = draw(settings_.rank, in).to(device);
  const std::string module = module_of(tensor.name);
  order_.push_back(module);
  pairs_.push_back({module, a, at::zeros({out, settings_.rank}, a.options()), tensor.shape, transposed});
}

std::vector<Trained> Lora::begin(WeightStore& store, Learning& learning) const {
  std::vector<Trained> trained;
  const auto learn = [&](const std::string& name, const Tensor& value) {
    Tensor tensor = value;
    tensor.set_requires_grad(true);
    trained.push_back({name, tensor});
  };
  for (const std::string& name : order_) {
    if (whole_.contains(name)) {
      if (const auto own = store.parameters().find(name); own != store.parameters().end())
        learn(name, own->second);
      continue;
    }
    const Pair& pair = *std::ranges::find(pairs_, name, &Pair::module);
    LowRank adapter{.a = pair.a, .b = pair.b, .scale = settings_.scale(), .dropout = settings_.dropout};
    learn(name + ".lora_A.weight", pair.a);
    learn(name + ".lora_B.weight", pair.b);
    if (settings_.dora) {
      const Tensor weight = store.bind(name + ".weight", pair.shape).to(at::kFloat);
      adapter.magnitude =
          (pair.transposed ? weight.t() : weight).norm(2, at::IntArrayRef{1}).clone();
      learn(name + ".lora_magnitude_vector", adapter.magnitude);
    }
    learning.adapters.emplace(name, std::move(adapter));
  }
  return trained;
}

}  // namespace hft
