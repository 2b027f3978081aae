#include "core/checkpoint/pretrained.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "core/base/error.h"
#include "core/checkpoint/cast.h"
#include "core/checkpoint/config.h"
#include "core/checkpoint/config_class.h"
#include "core/checkpoint/in_quotes.h"
#include "core/checkpoint/tied.h"

namespace hft {
namespace {

bool ends(std::string_view name, std::string_view ending) {
  return !ending.empty() && name.ends_with(ending);
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
std::string torch_name(Dtype dtype) {
  for (const auto& [name, type] : kFloatTypes)
    if (type == dtype) return name;
  return dtype == Dtype::kF64 ? "float64" : "float32";
}

}  // namespace

Pretrained pretrained_of(const Fields& config, const StoredTensors& tensors,
                         std::optional<Dtype> dtype) {
  if (dtype && config.has("quantization_config"))
    fail(Errc::kUnsupported, config.where(), ": the model is quantised, its types cannot change");
  const ConfigClass& saved_as = config_class(config.text("model_type", ""));
  const bool is_tied = config.boolean("tie_word_embeddings", true);
  auto left_out = tied_names(tensors, is_tied, is_tied || saved_as.shares_embeddings);
  // Said, because the names left out rest on it, and classes differ in what they take for granted.
  Pretrained model{.config = config.json()};
  if (!left_out.empty() && is_tied) model.config["tie_word_embeddings"] = true;
  std::set<std::string> names;
  std::optional<Dtype> first;
  for (const auto& [name, tensor] : tensors) {
    if (ends(name, saved_as.computed)) left_out.insert(name);
    if (left_out.contains(name)) continue;
    Dtype written = tensor.dtype;
    if (dtype && is_float(written))
      written = *dtype == Dtype::kF16 && ends(name, saved_as.kept_in_float32) ? Dtype::kF32 : *dtype;
    if (is_float(written) && !first) first = written;
    model.tensors.push_back({current_name(name), tensor, written});
    if (!names.insert(model.tensors.back().name).second)
      fail(Errc::kBadData, config.where(), ": tensor ", in_quotes(model.tensors.back().name),
           " is there under its old name too");
  }
  model.config.erase("torch_dtype");
  if (dtype || first) model.config["dtype"] = torch_name(dtype ? *dtype : *first);
  model.left_out.assign(left_out.begin(), left_out.end());
  return model;
}

Pretrained read_pretrained(const std::filesystem::path& folder, const std::string& variant,
                           std::optional<Dtype> dtype) {
  return pretrained_of(read_config_file(folder), open_checkpoint(folder, variant), dtype);
}

}  // namespace hft
