#include "core/checkpoint/adapter.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/limits.h"
#include "core/checkpoint/torch_file.h"
#include "core/tokenizers/regex.h"

namespace hft {
namespace {

// Settings that change what a LoRA computes in ways that adding B A does not.
constexpr std::array kRefused{"layer_replication", "alora_invocation_tokens",
                              "target_parameters", "trainable_token_indices",
                              "use_qalora",        "use_bdlora",
                              "arrow_config",      "kasa_config",
                              "megatron_config"};
// Values of init_lora_weights with which loading changes the model's own weights.
constexpr std::array kInits{"pissa", "corda", "olora", "loftq", "lora_ga", "mica"};

bool is_set(const Json* value) {
  return value && !(value->is_boolean() && !value->get<bool>()) &&
         !(value->is_structured() && value->empty());
}

void refuse_unknown(const Fields& config) {
  std::string kind = config.text("peft_type", "");
  if (kind != "LORA")
    fail(Errc::kUnsupported, config.where(), ": peft_type '", kind,
         "' is not supported, wanted LORA");
  for (const char* key : kRefused)
    if (is_set(config.find(key)))
      fail(Errc::kUnsupported, config.where(), ": '", key, "' is not supported");
  const Json* init = config.find("init_lora_weights");
  for (std::string_view name : kInits)
    if (init && init->is_string() && init->get<std::string>().starts_with(name))
      fail_hint(Errc::kUnsupported,
                "save it as plain LoRA (path_initial_model_for_weight_conversion of PEFT)",
                config.where(), ": init_lora_weights '", init->get<std::string>(),
                "' is not supported");
}

StoredTensors open_tensors(const fs::path& folder) {
  const fs::path tensors = folder / "adapter_model.safetensors", torch = folder / "adapter_model.bin";
  if (fs::exists(tensors)) return open_safetensors(tensors).tensors;
  if (fs::exists(torch)) return open_torch_file(torch, Checksums::kAll);
  fail(Errc::kNotFound, folder.string(),
       ": no weights; tried adapter_model.safetensors, adapter_model.bin");
}

// The value of the first pattern, in the file's order, that matches the end of a module's path.
double of_pattern(const Fields& config, std::string_view key, const std::string& module,
                  double fallback) {
  const Fields patterns = config.object(key);
  for (const auto& [pattern, value] : patterns.json().items()) {
    bool matches = false;
    Regex("\\A(?:.*\\.)?(?:" + pattern + ")\\z").for_matches(module, [&](std::size_t, std::size_t) {
      matches = true;
    });
    if (matches) return patterns.real(pattern, -1e9, 1e9);
  }
  return fallback;
}

struct Settings {
  const Fields& config;
  void finish(const std::string& module, Adapter::Lora& lora) const {
    if (lora.a.shape.size() != 2 || lora.b.shape.size() != 2)
      fail(Errc::kBadData, config.where(), ": module '", module,
           "' has not both matrices of its LoRA");
    const double rank = of_pattern(config, "rank_pattern", module, config.real("r", 1, 1e9, 8.0));
    if (lora.a.shape[0] != static_cast<std::int64_t>(rank) || lora.b.shape[1] != lora.a.shape[0])
      fail(Errc::kBadData, config.where(), ": module '", module, "' has rank ", lora.a.shape[0],
           " in the weights, but ", rank, " in the settings");
    const double alpha =
        of_pattern(config, "alpha_pattern", module, config.real("lora_alpha", -1e9, 1e9, 8.0));
    lora.scale = alpha / (config.boolean("use_rslora", false) ? std::sqrt(rank) : rank);
    if (lora.embedding && !lora.magnitude.shape.empty())
      fail(Errc::kUnsupported, config.where(), ": DoRA of an embedding ('", module,
           "') is not supported");
  }
};

std::string without_base_layer(std::string name) {
  const auto at = name.rfind(".base_layer.");
  return at == name.npos ? name : name.erase(at, std::string_view(".base_layer").size());
}

}  // namespace

bool has_adapter(const fs::path& folder) { return fs::exists(folder / "adapter_config.json"); }

Fields read_adapter_config(const fs::path& folder) {
  const fs::path file = folder / "adapter_config.json";
  return Fields(read_json(file), file.string());
}

Adapter read_adapter(const WeightedAdapter& from) {
  struct Part {
    std::string_view ending;
    StoredTensor Adapter::Lora::* tensor;
    bool embedding;
  };
  static constexpr std::array<Part, 7> kParts{{
      {".lora_A.weight", &Adapter::Lora::a, false},
      {".lora_B.weight", &Adapter::Lora::b, false},
      {".lora_B.bias", &Adapter::Lora::b_bias, false},
      {".lora_embedding_A", &Adapter::Lora::a, true},
      {".lora_embedding_B", &Adapter::Lora::b, true},
      {".lora_magnitude_vector", &Adapter::Lora::magnitude, false},
      {".lora_magnitude_vector.weight", &Adapter::Lora::magnitude, false},
  }};
  const Fields config = read_adapter_config(from.folder);
  refuse_unknown(config);
  Adapter adapter{.where = from.folder.string(),
                  .fan_in_fan_out = config.boolean("fan_in_fan_out", false)};
  for (auto& [stored_name, tensor] : open_tensors(from.folder)) {
    std::string name = stored_name;
    if (name.starts_with("base_model.model.")) name.erase(0, 17);
    const auto part = std::ranges::find_if(kParts, [&](const Part& p) { return name.ends_with(p.ending); });
    if (part != kParts.end()) {
      auto& lora = adapter.loras[name.substr(0, name.size() - part->ending.size())];
      lora.*(part->tensor) = tensor;
      lora.embedding |= part->embedding;
    } else if (name.find("lora_") != name.npos || name.find("token_adapter") != name.npos) {
      fail(Errc::kUnsupported, adapter.where, ": tensor '", stored_name, "' is not supported");
    } else {
      adapter.replaced[without_base_layer(name)] = tensor;
    }
  }
  for (auto& [module, lora] : adapter.loras) {
    Settings{config}.finish(module, lora);
    lora.scale *= from.weight;
  }
  if (adapter.loras.empty() && adapter.replaced.empty())
    fail(Errc::kBadData, adapter.where, ": the adapter holds no tensor");
  return adapter;
}

}  // namespace hft
