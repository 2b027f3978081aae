#include "core/nn/activation.h"

#include <cmath>
#include <string>
#include <utility>

#include "core/base/error.h"

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

Tensor activate(Tensor x, Activation activation) {
  switch (activation) {
    case Activation::kNone:
      return x;
    case Activation::kGelu:
      return at::gelu_(x);
    case Activation::kGeluTanh:
      return at::gelu_(x, "tanh");
    case Activation::kGeluQuick:
      return x.mul_(at::sigmoid(x * 1.702));
    case Activation::kGelu10:
      return at::gelu_(x).clamp_(-10, 10);
    case Activation::kRelu:
      return x.relu_();
    case Activation::kRelu2:
      return x.relu_().square_();
    case Activation::kRelu6:
      return x.clamp_(0, 6);
    case Activation::kLeakyRelu:
      return at::leaky_relu_(x);
    case Activation::kSilu:
      return at::silu_(x);
    case Activation::kMish:
      return at::mish_(x);
    case Activation::kTanh:
      return x.tanh_();
    case Activation::kSigmoid:
      return x.sigmoid_();
    case Activation::kLaplace:
      return x.sub_(0.707107).div_(0.282095 * std::sqrt(2.0)).erf_().add_(1).mul_(0.5);
  }
  return x;
}

}  // namespace hft
