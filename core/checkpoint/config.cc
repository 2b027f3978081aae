// Reference: PretrainedConfig and the config classes of transformers 4.57.6 and 5.24
// (standardize_rope_params), AutoConfig.
#include "core/checkpoint/config.h"

#include <algorithm>
#include <array>

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/limits.h"
#include "core/checkpoint/config_class.h"
#include "core/checkpoint/other_formats.h"

namespace hft {
namespace {

// The repository's or the folder's name: a snapshot of the cache is
// models--OWNER--NAME/snapshots/….
std::string name_of(const fs::path& folder) {
  const fs::path whole = (fs::absolute(folder) / "").lexically_normal().parent_path();
  const bool cached = whole.parent_path().filename() == "snapshots";
  return (cached ? whole.parent_path().parent_path() : whole).filename().string();
}

void name_type(Json& config, const fs::path& folder) {
  if (found(config, "model_type")) return;
  std::string_view type;
  if (found(config, "pretrained_cfg")) type = "timm_wrapper";  // timm's own files
  if (type.empty()) type = model_type_within(name_of(folder));
  if (type.empty()) type = model_type_of_class(class_of(Fields(config, "")));
  if (!type.empty()) config["model_type"] = type;
}

bool is_layer_type(const std::string& key) { return key.ends_with("_attention"); }

// The one object of transformers 5 becomes the fields of 4.57, which its values win over.
void spread_rope(Json& config, const Json& rope) {
  config["rope_scaling"] = rope;
  for (const char* key : {"rope_theta", "partial_rotary_factor"})
    if (const Json* value = found(rope, key)) config[key] = Json(*value);
}

void place_rope(Json& config) {
  const Json *scaling = found(config, "rope_scaling"), *all = found(config, "rope_parameters");
  const bool old = scaling && scaling->is_object() && !scaling->empty();
  if (!old && !(all && all->is_object())) return;
  const Json rope = old ? *scaling : *all;
  std::string first;
  for (const auto& [key, value] : rope.items())
    if (is_layer_type(key) && value.is_object() && (first.empty() || key == "full_attention"))
      first = key;
  const bool nested =
      std::ranges::any_of(rope.items(), [](auto& x) { return is_layer_type(x.key()); });
  if (!nested) return spread_rope(config, rope);
  config["rope_parameters"] = rope;
  config.erase("rope_scaling");
  if (!first.empty()) spread_rope(config, rope[first]);
}

}  // namespace

Fields read_config_file(const fs::path& folder) {
  const fs::path file = folder / "config.json";
  if (!fs::exists(file)) {
    reject_other_formats(folder);
    const char* note = fs::is_empty(folder) ? " (the folder is empty)" : "";
    fail_hint(Errc::kNotFound, "-m wants the folder that holds config.json and the weights",
              folder.string(), ": no config.json", note);
  }
  return Fields(read_json(file), file.string());
}

Fields read_config(const fs::path& folder) {
  const Fields written = read_config_file(folder);
  Json config = written.json();
  name_type(config, folder);
  const Fields typed(config, written.where());
  if (!typed.has("model_type"))
    fail_hint(Errc::kBadData, "name the folder after its type (my-bert), or add \"model_type\"",
              written.where(), ": 'model_type' is missing, and neither the folder's name nor ",
              "'architectures' tells it");
  typed.text("model_type");
  apply_config_class(config);
  place_rope(config);
  return Fields(std::move(config), written.where());
}

Fields read_text_config(const fs::path& folder, std::string_view wanted) {
  Fields config = read_config(folder);
  need_text_model(config, wanted);
  return config;
}

namespace {

// Sizes that nested configs leave out, since their classes have them as defaults.
struct Sizes {
  const char* model_type;
  int hidden, ffn, layers, heads, vocab;
};
constexpr Sizes kSizes[] = {{"llama", 4096, 11008, 32, 32, 32000},
                            {"mistral", 4096, 14336, 32, 32, 32000},
                            {"qwen2", 4096, 22016, 32, 32, 151936}};

void fill_sizes(Json& config) {
  for (const Sizes& own : kSizes) {
    if (config["model_type"] != own.model_type) continue;
    const std::pair<const char*, int> fields[] = {{"hidden_size", own.hidden},
                                                  {"intermediate_size", own.ffn},
                                                  {"num_hidden_layers", own.layers},
                                                  {"num_attention_heads", own.heads},
                                                  {"vocab_size", own.vocab}};
    for (const auto& [name, value] : fields)
      if (!found(config, name)) config[name] = value;
  }
}

}  // namespace

Fields text_part(const Fields& config, const std::string& model_type) {
  if (!config.has("text_config")) return config;
  const Fields own = config.object("text_config");
  Json text = own.json();
  if (!found(text, "model_type")) text["model_type"] = model_type;
  fill_sizes(text);
  apply_config_class(text);
  place_rope(text);
  if (const Json* version = config.find("transformers_version"))
    text["transformers_version"] = Json(*version);
  if (const Json* tied = config.find("tie_word_embeddings"); tied && is_version_5(config))
    text["tie_word_embeddings"] = Json(*tied);
  return Fields(std::move(text), own.where());
}

Json with_text_fields(const Fields& config) {
  if (!config.has("text_config")) return config.json();
  Json all = config.object("text_config").json();
  for (const auto& [name, value] : config.json().items())
    if (!value.is_null()) all[name] = value;
  return all;
}

bool is_version_5(const Fields& config) {
  const Json* version = config.find("transformers_version");
  return version && version->is_string() &&
         std::strtol(version->get_ref<const std::string&>().c_str(), nullptr, 10) >= 5;
}

std::optional<Fields> config_of_layers(const Fields& config, const std::string& layer_type) {
  const Json* all = config.find("rope_parameters");
  if (!all || !all->is_object() || !all->contains(layer_type)) return config;
  const Json& own = (*all)[layer_type];
  if (own.is_null()) return std::nullopt;
  Json layers = config.json();
  if (own.is_object()) spread_rope(layers, own);
  return Fields(std::move(layers), config.where());
}

std::vector<Json> labels_of(const Fields& config) {
  std::vector<Json> labels;
  if (!config.has("id2label")) {
    const std::int64_t count = config.integer("num_labels", 1, limits::kLabels, 2);
    for (std::int64_t i = 0; i < count; ++i) labels.push_back("LABEL_" + std::to_string(i));
    return labels;
  }
  const Fields names = config.object("id2label");
  for (std::size_t i = 0; i < names.json().size(); ++i) {
    const auto name = names.json().find(std::to_string(i));
    if (name == names.json().end())
      fail(Errc::kBadData, names.where(), ": '", i, "' is missing, wanted the name of that class");
    labels.push_back(*name);
  }
  return labels;
}

}  // namespace hft
