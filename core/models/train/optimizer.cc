#include "core/models/train/optimizer.h"

#include <algorithm>
#include <cmath>

#include "core/base/error.h"

namespace hft {
namespace {

// One step of one tensor.
struct OptimizerStep {
  const OptimizerSettings& settings;
  double rate;
  std::int64_t number;
  double decay(const Trained& one) const { return one.decays ? settings.weight_decay : 0; }
};

Tensor& remembered(Trained& one, const char* name, const Tensor& like) {
  Tensor& memory = one.memory[name];
  if (!memory.defined()) memory = at::zeros_like(like);
  return memory;
}

// The kernel of torch's fused AdamW, which Trainer takes.
void adamw(const OptimizerStep& s, std::vector<Trained*>& all) {
  for (const bool decays : {true, false}) {
    std::vector<Tensor> values, gradients, means, squares, numbers;
    for (Trained* one : all) {
      if (one->decays != decays) continue;
      values.push_back(one->value.detach());
      gradients.push_back(one->gradient);
      means.push_back(remembered(*one, "exp_avg", one->value));
      squares.push_back(remembered(*one, "exp_avg_sq", one->value));
      numbers.push_back(at::full({}, static_cast<double>(s.number), one->value.options()));
    }
    if (values.empty()) continue;
    at::_fused_adamw_(values, gradients, means, squares, {}, numbers, s.rate, s.settings.beta1,
                      s.settings.beta2, decays ? s.settings.weight_decay : 0, s.settings.epsilon,
                      false, false);
  }
}

// The 256 numbers that 8 bits stand for: more of them where they are small (create_dynamic_map).
Tensor eight_bit_numbers(bool has_sign) {
  std::vector<double> numbers{0, 1};
  for (int i = 0; i < 7; ++i) {
    const int items = (1 << (has_sign ? i : i + 1));
    for (int k = 0; k < items; ++k) {
      const double mean = 0.1 + 0.9 * (k + 0.5) / items, number = std::pow(10, i - 6) * mean;
      numbers.push_back(number);
      if (has_sign) numbers.push_back(-number);
    }
  }
  std::ranges::sort(numbers);
  return at::tensor(numbers, at::kDouble).to(at::kFloat);
}

// What is remembered in 8 bits, in blocks of 256 with a scale each.
class EightBits {
 public:
  EightBits(Trained& one, const std::string& name, bool has_sign)
      : codes_(one.memory["state" + name]),
        sizes_(one.memory["absmax" + name]),
        numbers_(eight_bit_numbers(has_sign)),
        shape_(one.value.sizes().vec()),
        count_(one.value.numel()) {}

  Tensor read() const {
    if (!codes_.defined()) return at::zeros(shape_, at::kFloat);
    const Tensor all = numbers_.index_select(0, codes_.flatten().to(at::kLong));
    return (padded(all) * sizes_.unsqueeze(1)).flatten().narrow(0, 0, count_).view(shape_);
  }
  void write(const Tensor& values) {
    const Tensor blocks = padded(values.flatten());
    sizes_ = blocks.abs().amax(at::IntArrayRef{1});
    const Tensor parts = blocks / sizes_.unsqueeze(1).clamp_min(1e-38);
    const Tensor middles = (numbers_.narrow(0, 1, 255) + numbers_.narrow(0, 0, 255)) / 2;
    codes_ = at::bucketize(parts, middles)
                 .to(at::kByte)
                 .flatten()
                 .narrow(0, 0, count_)
                 .view(shape_)
                 .contiguous();
  }

 private:
  static constexpr std::int64_t kBlock = 256;
  Tensor padded(const Tensor& flat) const {  // [blocks,256]
    const auto blocks = (count_ + kBlock - 1) / kBlock;
    return at::constant_pad_nd(flat, {0, blocks * kBlock - count_}).view({blocks, kBlock});
  }
  Tensor &codes_, &sizes_;
  Tensor numbers_;
  std::vector<std::int64_t> shape_;
  std::int64_t count_;
};

// bitsandbytes leaves small tensors in floats.
constexpr std::int64_t kLeastEightBits = 4096;

void adamw_8bit(const OptimizerStep& s, std::vector<Trained*>& all) {
  std::vector<Trained*> small;
  for (Trained* one : all) {
    if (one->value.numel() < kLeastEightBits) {
      small.push_back(one);
      continue;
    }
    EightBits first(*one, "1", true), second(*one, "2", false);
    const Tensor gradient = one->gradient.cpu();
    const Tensor mean = first.read().lerp_(gradient, 1 - s.settings.beta1);
    const Tensor square = second.read()
                              .mul_(s.settings.beta2)
                              .addcmul_(gradient, gradient, 1 - s.settings.beta2);
    const auto n = static_cast<double>(s.number);
    const double first_left = 1 - std::pow(s.settings.beta1, n),
                 second_left = std::sqrt(1 - std::pow(s.settings.beta2, n));
    const Tensor step = mean / (square.sqrt() + s.settings.epsilon * second_left);
    one->value.sub_(step.to(one->value.device()), s.rate * second_left / first_left);
    if (s.decay(*one) > 0) one->value.mul_(1 - s.rate * s.decay(*one));
    first.write(mean);
    second.write(square);
  }
  adamw(s, small);
}

// As Trainer asks for it: rates are given, and nothing is scaled by the parameters.
void adafactor(const OptimizerStep& s, Trained& one) {
  constexpr double kEpsilon = 1e-30, kPower = -0.8;
  const double share = 1 - std::pow(static_cast<double>(s.number), kPower);
  const Tensor squares = one.gradient.square() + kEpsilon;
  Tensor update;
  if (one.value.dim() >= 2) {
    const Tensor by_row = squares.mean(-1), by_column = squares.mean(-2);
    Tensor& row = remembered(one, "exp_avg_sq_row", by_row);
    Tensor& column = remembered(one, "exp_avg_sq_col", by_column);
    row.mul_(share).add_(by_row, 1 - share);
    column.mul_(share).add_(by_column, 1 - share);
    update = (row / row.mean(-1, true)).rsqrt_().unsqueeze(-1) * column.unsqueeze(-2).rsqrt() *
             one.gradient;
  } else {
    Tensor& mean = remembered(one, "exp_avg_sq", one.value);
    mean.mul_(share).add_(squares, 1 - share);
    update = mean.rsqrt() * one.gradient;
  }
  const double size = update.norm().item<double>() / std::sqrt(static_cast<double>(update.numel()));
  if (s.decay(one) > 0) one.value.mul_(1 - s.rate * s.decay(one));
  one.value.sub_(update, s.rate / std::max(1.0, size));
}

Tensor decayed(const OptimizerStep& s, const Trained& one) {
  return s.decay(one) > 0 ? one.gradient + one.value * s.decay(one) : one.gradient;
}

void sgd(const OptimizerStep& s, Trained& one) {
  Tensor gradient = decayed(s, one);
  if (s.settings.momentum > 0) {
    Tensor& buffer = remembered(one, "momentum_buffer", one.value);
    buffer.mul_(s.settings.momentum).add_(gradient);
    gradient = buffer;
  }
  one.value.sub_(gradient, s.rate);
}

void adagrad(const OptimizerStep& s, Trained& one) {
  constexpr double kEpsilon = 1e-10;
  const Tensor gradient = decayed(s, one);
  Tensor& sum = remembered(one, "sum", one.value);
  sum.addcmul_(gradient, gradient);
  one.value.addcdiv_(gradient, sum.sqrt().add_(kEpsilon), -s.rate);
}

void rmsprop(const OptimizerStep& s, Trained& one) {
  constexpr double kShare = 0.99, kEpsilon = 1e-8;
  const Tensor gradient = decayed(s, one);
  Tensor& mean = remembered(one, "square_avg", one.value);
  mean.mul_(kShare).addcmul_(gradient, gradient, 1 - kShare);
  one.value.addcdiv_(gradient, mean.sqrt().add_(kEpsilon), -s.rate);
}

template <void (*of_one)(const OptimizerStep&, Trained&)>
void one_by_one(const OptimizerStep& s, std::vector<Trained*>& all) {
  for (Trained* one : all) of_one(s, *one);
}

constexpr std::pair<std::string_view, void (*)(const OptimizerStep&, std::vector<Trained*>&)>
    kOptimizers[] = {{"adamw", adamw},
                     {"adamw_8bit", adamw_8bit},
                     {"adafactor", one_by_one<adafactor>},
                     {"sgd", one_by_one<sgd>},
                     {"adagrad", one_by_one<adagrad>},
                     {"rmsprop", one_by_one<rmsprop>}};

}  // namespace

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

void step(const OptimizerSettings& settings, std::vector<Trained>& all, double rate,
          std::int64_t number) {
  std::vector<Trained*> moving;
  for (Trained& one : all)
    if (one.gradient.defined()) moving.push_back(&one);
  for (const auto& [name, take] : kOptimizers)
    if (name == settings.name) return take({settings, rate, number}, moving);
  fail(Errc::kUsage, "--optim: '", settings.name, "' is not known");
}

}  // namespace hft
