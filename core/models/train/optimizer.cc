#include "core/models/train/optimizer.h"

#include <algorithm>
#include <cmath>

namespace hft {

double clip(std::vector<Trained>& all, double most) {
  std::vector<Tensor> norms;
  for (const Trained& one : all)
    if (one.gradient.defined()) norms.push_back(at::norm(one.gradient));
  if (norms.empty()) return 0;
  const double norm = at::norm(at::stack(norms)).item<double>();
  if (most > 0 && std::isfinite(norm))
    if (const double part = most / (norm + 1e-6); part < 1)
      for (Trained& one : all)
        if (one.gradient.defined()) one.gradient.mul_(part);
  return norm;
}

void step(const OptimizerSettings& s, std::vector<Trained>& all, double rate, std::int64_t number) {
  const auto n = static_cast<double>(number);
  const double first_left = 1 - std::pow(s.beta1, n), second_left = 1 - std::pow(s.beta2, n);
  for (Trained& one : all) {
    if (!one.gradient.defined()) continue;
    if (s.name == "sgd") {
      const double decay = one.decays ? s.weight_decay : 0;
      one.value.sub_(decay == 0 ? one.gradient : one.gradient + one.value * decay, rate);
      continue;
    }
    for (Tensor* memory : {&one.first, &one.second})
      if (!memory->defined()) *memory = at::zeros_like(one.value);
    if (one.decays) one.value.mul_(1 - rate * s.weight_decay);
    one.first.lerp_(one.gradient, 1 - s.beta1);
    one.second.mul_(s.beta2).addcmul_(one.gradient, one.gradient, 1 - s.beta2);
    const Tensor spread = (one.second.sqrt() / std::sqrt(second_left)).add_(s.epsilon);
    one.value.addcdiv_(one.first, spread, -rate / first_left);
  }
}

}  // namespace hft
