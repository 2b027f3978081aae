#include "core/checkpoint/pretrained.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "core/base/error.h"
#include "core/checkpoint/cast.h"
#include "core/checkpoint/config.h"
#include "core/checkpoint/in_quotes.h"
#include "core/checkpoint/tied.h"

namespace hft {
namespace {

// Layers that stay float32 when the rest is float16: _keep_in_fp32_modules of transformers 4.57.
bool stays_float32(std::string_view model_type, std::string_view name) {
  constexpr std::array<std::string_view, 5> kWithWo{"t5", "mt5", "umt5", "udop", "pop2piano"};
  return std::find(kWithWo.begin(), kWithWo.end(), model_type) != kWithWo.end() &&
         name.ends_with(".wo.weight");
}

// What the reference calls a tensor since its version 1.
std::string current_name(const std::string& name) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 2> kRenamed{
      {{"LayerNorm.gamma", "weight"}, {"LayerNorm.beta", "bias"}}};
  for (const auto& [old, now] : kRenamed)
    if (name.ends_with(old)) return name.substr(0, name.rfind('.') + 1) + std::string(now);
  return name;
}

// As config.json spells it.
std::string_view torch_name(Dtype dtype) {
  switch (dtype) {
    case Dtype::kF64:
      return "float64";
    case Dtype::kF16:
      return "float16";
    case Dtype::kBF16:
      return "bfloat16";
    default:
      return "float32";
  }
}

}  // namespace

Pretrained read_pretrained(const std::filesystem::path& folder, const std::string& variant,
                           std::optional<Dtype> dtype) {
  const Fields config = read_config(folder);
  if (dtype && config.has("quantization_config"))
    fail(Errc::kUnsupported, config.where(), ": the model is quantised, its types cannot change");
  const std::string model_type = config.text("model_type", "");
  const StoredTensors tensors = open_checkpoint(folder, variant);
  const auto tied = tied_names(tensors, config.boolean("tie_word_embeddings", true));
  Pretrained model{.config = config.json(), .left_out = {tied.begin(), tied.end()}};
  std::set<std::string> names;
  std::optional<Dtype> first;
  for (const auto& [name, tensor] : tensors) {
    if (tied.contains(name)) continue;
    Dtype written = tensor.dtype;
    if (dtype && is_float(written))
      written = *dtype == Dtype::kF16 && stays_float32(model_type, name) ? Dtype::kF32 : *dtype;
    if (is_float(written) && !first) first = written;
    model.tensors.push_back({current_name(name), tensor, written});
    if (!names.insert(model.tensors.back().name).second)
      fail(Errc::kBadData, folder.string(), ": tensor ", in_quotes(model.tensors.back().name),
           " is there under its old name too");
  }
  model.config.erase("torch_dtype");
  if (dtype || first) model.config["dtype"] = torch_name(dtype ? *dtype : *first);
  // Said, because the names left out now rest on it, and classes differ in what they take for
  // granted.
  if (!tied.empty() && !config.has("tie_word_embeddings"))
    model.config["tie_word_embeddings"] = true;
  return model;
}

}  // namespace hft
