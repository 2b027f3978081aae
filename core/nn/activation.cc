#include "core/nn/activation.h"

#include <cmath>
#include <string>
#include <utility>

#include "core/base/error.h"
#include "core/nn/twins.h"

namespace hft {
namespace {

constexpr std::pair<std::string_view, Activation> kNames[] = {
    {"gelu", Activation::kGelu},
    {"gelu_python", Activation::kGelu},
    {"gelu_new", Activation::kGeluTanh},
    {"gelu_fast", Activation::kGeluTanh},
    {"gelu_accurate", Activation::kGeluTanh},
    {"gelu_pytorch_tanh", Activation::kGeluTanh},
    {"gelu_python_tanh", Activation::kGeluTanh},
    {"quick_gelu", Activation::kGeluQuick},
    {"gelu_10", Activation::kGelu10},
    {"relu", Activation::kRelu},
    {"relu2", Activation::kRelu2},
    {"relu6", Activation::kRelu6},
    {"leaky_relu", Activation::kLeakyRelu},
    {"silu", Activation::kSilu},
    {"swish", Activation::kSilu},
    {"mish", Activation::kMish},
    {"tanh", Activation::kTanh},
    {"sigmoid", Activation::kSigmoid},
    {"linear", Activation::kNone},
    {"laplace", Activation::kLaplace},
};

}  // namespace

Activation activation_named(std::string_view name, std::string_view field) {
  std::string known;
  for (const auto& [word, activation] : kNames) {
    if (word == name) return activation;
    known += (known.empty() ? "" : ", ") + std::string(word);
  }
  fail(Errc::kUnsupported, field, ": activation '", name, "' is not supported, wanted one of ",
       known);
}

namespace {

Tensor with_libtorch(const Tensor& x, Activation activation) {
  switch (activation) {
    case Activation::kNone:
      return x;
    case Activation::kGelu:
      return at::gelu(x);
    case Activation::kGeluTanh:
      return at::gelu(x, "tanh");
    case Activation::kGeluQuick:
      return x * at::sigmoid(x * 1.702);
    case Activation::kGelu10:
      return at::gelu(x).clamp(-10, 10);
    case Activation::kRelu:
      return x.relu();
    case Activation::kRelu2:
      return x.relu().square();
    case Activation::kRelu6:
      return x.clamp(0, 6);
    case Activation::kLeakyRelu:
      return at::leaky_relu(x);
    case Activation::kSilu:
      return at::silu(x);
    case Activation::kMish:
      return at::mish(x);
    case Activation::kTanh:
      return x.tanh();
    case Activation::kSigmoid:
      return x.sigmoid();
    case Activation::kLaplace:
      return ((x - 0.707107) / (0.282095 * std::sqrt(2.0))).erf().add(1).mul(0.5);
  }
  return x;
}

}  // namespace

Tensor activate(Tensor x, Activation activation) {
  if (activation == Activation::kNone) return x;
  if (!kernel_computes(x) || x.scalar_type() == at::kDouble)
    return with_libtorch(x, activation);
  Tensor values = x.to(at::kFloat).contiguous();
  activate_values(values.data_ptr<float>(), values.numel(), activation);
  return values.data_ptr() == x.data_ptr() ? x : x.copy_(values);
}

}  // namespace hft
