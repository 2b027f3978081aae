#include "core/nn/torch_activation.h"

#include <utility>

#include "core/base/error.h"

namespace hft {
namespace {

constexpr double kMeanSlope = (1.0 / 8 + 1.0 / 3) / 2;  // of RReLU

constexpr std::pair<std::string_view, Tensor (*)(const Tensor&)> kModules[] = {
    {"CELU", [](const Tensor& x) { return at::celu(x); }},
    {"ELU", [](const Tensor& x) { return at::elu(x); }},
    {"GELU", [](const Tensor& x) { return at::gelu(x); }},
    {"Hardshrink", [](const Tensor& x) { return at::hardshrink(x); }},
    {"Hardsigmoid", [](const Tensor& x) { return at::hardsigmoid(x); }},
    {"Hardswish", [](const Tensor& x) { return at::hardswish(x); }},
    {"Hardtanh", [](const Tensor& x) { return at::hardtanh(x); }},
    {"Identity", [](const Tensor& x) { return x; }},
    {"LeakyReLU", [](const Tensor& x) { return at::leaky_relu(x); }},
    {"LogSigmoid", [](const Tensor& x) { return at::log_sigmoid(x); }},
    {"LogSoftmax", [](const Tensor& x) { return at::log_softmax(x, 1); }},
    {"Mish", [](const Tensor& x) { return at::mish(x); }},
    {"RReLU", [](const Tensor& x) { return at::leaky_relu(x, kMeanSlope); }},
    {"ReLU", [](const Tensor& x) { return at::relu(x); }},
    {"ReLU6", [](const Tensor& x) { return at::clamp(x, 0, 6); }},
    {"SELU", [](const Tensor& x) { return at::selu(x); }},
    {"SiLU", [](const Tensor& x) { return at::silu(x); }},
    {"Sigmoid", [](const Tensor& x) { return at::sigmoid(x); }},
    {"Softmax", [](const Tensor& x) { return at::softmax(x, 1); }},
    {"Softmin", [](const Tensor& x) { return at::softmax(-x, 1); }},
    {"Softplus", [](const Tensor& x) { return at::softplus(x); }},
    {"Softshrink", [](const Tensor& x) { return at::softshrink(x); }},
    {"Softsign", [](const Tensor& x) { return x / (x.abs() + 1); }},
    {"Tanh", [](const Tensor& x) { return at::tanh(x); }},
    {"Tanhshrink", [](const Tensor& x) { return x - at::tanh(x); }},
};

}  // namespace

std::function<Tensor(const Tensor&)> torch_activation(const std::string& path, const Weights& w,
                                                      std::string_view field) {
  const std::string name = path.substr(path.rfind('.') + 1);
  if (name == "PReLU")
    return [slope = w.get("weight", {1})](const Tensor& x) { return at::prelu(x, slope); };
  std::string known = "PReLU";
  for (const auto& [word, module] : kModules) {
    if (word == name) return module;
    known += ", " + std::string(word);
  }
  fail(Errc::kUnsupported, field, ": activation '", path, "' is not supported, wanted one of ",
       known);
}

}  // namespace hft
