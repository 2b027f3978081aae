#include "core/checkpoint/config_class.h"

#include <string>

namespace hft {
namespace {

using Alias = ConfigClass::Alias;

constexpr Alias kGpt2Names[] = {{"hidden_size", "n_embd"},
                                {"max_position_embeddings", "n_positions"},
                                {"num_attention_heads", "n_head"},
                                {"num_hidden_layers", "n_layer"}};
constexpr Alias kDistilBertNames[] = {
    {"hidden_size", "dim"}, {"num_attention_heads", "n_heads"}, {"num_hidden_layers", "n_layers"}};
constexpr Alias kT5Names[] = {{"hidden_size", "d_model"},
                              {"num_attention_heads", "num_heads"},
                              {"num_hidden_layers", "num_layers"},
                              {"head_dim", "d_kv"}};
constexpr Alias kBartNames[] = {{"hidden_size", "d_model"},
                                {"num_attention_heads", "encoder_attention_heads"}};
constexpr Alias kExpertNames[] = {{"num_experts", "num_local_experts"}};

// Three labels, and a field of 2020.
void complete_bart(Json& config) {
  if (!found(config, "id2label") && !found(config, "num_labels")) config["num_labels"] = 3;
  const Json* forced = found(config, "force_bos_token_to_be_generated");
  if (forced && *forced == true && !found(config, "forced_bos_token_id")) {
    const Json* bos = found(config, "bos_token_id");
    config["forced_bos_token_id"] = bos ? Json(*bos) : Json(0);
  }
}

// The decoder's class has values of its own, such as MBart's forced_eos_token_id.
void complete_two(Json& config) {
  if (const auto decoder = config.find("decoder"); decoder != config.end() && decoder->is_object())
    apply_config_class(*decoder);
}

// longrope was once called so.
void complete_phi3(Json& config) {
  for (const char* place : {"rope_scaling", "rope_parameters"})
    if (const auto rope = config.find(place); rope != config.end() && rope->is_object())
      for (const char* key : {"type", "rope_type"})
        if (rope->value(key, Json()) == "yarn") (*rope)[key] = "longrope";
}

// Its positions are stretched where nothing is said; null: they are not, to the older class.
void complete_gpt_oss(Json& config) {
  if (!found(config, "rope_theta")) config["rope_theta"] = 150000.0;
  if (!found(config, "max_position_embeddings")) config["max_position_embeddings"] = 131072;
  if (config.contains("rope_scaling") || found(config, "rope_parameters")) return;
  config["rope_scaling"] = {{"rope_type", "yarn"}, {"factor", 32.0},    {"beta_fast", 32.0},
                            {"beta_slow", 1.0},    {"truncate", false}, {"original_max_position_embeddings", 4096}};
}

// The words of the 1000 classes of ImageNet, a line each; of timm's _info files
// (scripts/tables/imagenet_labels.py).
constexpr std::string_view kImageNetLabels =
#include "core/checkpoint/imagenet_labels.inc"
    ;
constexpr int kImageNetClasses = 1000;

// timm's own fields: names in place of numbers, and none where the classes are ImageNet's.
void complete_timm(Json& config) {
  const Json* count = found(config, "num_classes");
  if (count && !found(config, "num_labels")) config["num_labels"] = Json(*count);
  if (found(config, "id2label")) return;
  Json labels = Json::array();
  if (const Json* names = found(config, "label_names"); names && names->is_array()) {
    labels = *names;
  } else if (count = found(config, "num_classes"); count && *count == kImageNetClasses) {
    for (std::string_view rest = kImageNetLabels; !rest.empty();
         rest.remove_prefix(rest.find('\n') + 1))
      labels.push_back(rest.substr(0, rest.find('\n')));
  }
  if (labels.empty()) return;
  Json::object_t names;  // filled at its end: a key is not looked for among a thousand
  for (std::size_t i = 0; i < labels.size(); ++i)
    names.emplace_back(std::to_string(i), std::move(labels[i]));
  config["id2label"] = std::move(names);
}

constexpr ConfigClass kClasses[] = {
    {" gpt2 ", {50256, 50256}, kGpt2Names},
    {.model_types = " gpt_oss ", .attribute_map = kExpertNames, .complete = complete_gpt_oss},
    {" nomic_bert ", {}, kGpt2Names},
    {" gpt_neo gptj codegen starcoder2 ", {50256, 50256}},
    {" llama mistral mixtral phi granite bloom ", {1, 2}},
    {" phi3 ", {1, 32000, 32000}, {}, complete_phi3},
    {" gemma gemma2 gemma3_text ", {2, 1, 0}},
    {" gpt_neox ", {0, 2}},
    {" opt ", {2, 2, 1}},
    {" falcon ", {11, 11}},
    {" stablelm ", {0, 0}},
    {" olmo olmo2 ", {-1, 50279, 1}},
    {" cohere ", {5, 255001, 0}},
    {" smollm3 ", {128000, 128001, 128004}},
    {" distilbert ", {}, kDistilBertNames},
    {" bart ", {0, 2, 1, 2, 2}, kBartNames, complete_bart},
    {" mbart ", {0, 2, 1, -1, 2}, kBartNames},
    {.model_types = " marian ",
     .ids = {-1, 0, 58100, 58100, 0},
     .attribute_map = kBartNames,
     .computed = "coder.embed_positions.weight"},
    {" pegasus ", {-1, 1, 0, 0, 1}, kBartNames},
    {" m2m_100 ", {0, 2, 1, 2, -1}, kBartNames},
    {" blenderbot ", {1, 2, 0, 1, 2}, kBartNames},
    {" blenderbot-small plbart mvp ", {}, kBartNames},
    {.model_types = " t5 ",
     .ids = {-1, 1, 0, -1, -1},
     .attribute_map = kT5Names,
     .shares_embeddings = true,
     .kept_in_float32 = ".wo.weight"},
    {.model_types = " mt5 umt5 ",
     .ids = {-1, 1, 0, 0, -1},
     .attribute_map = kT5Names,
     .shares_embeddings = true,
     .kept_in_float32 = ".wo.weight"},
    {.model_types = " timm_wrapper ", .complete = complete_timm},
    {.model_types = " vision-encoder-decoder ", .complete = complete_two},
    {.model_types = " udop pop2piano ", .shares_embeddings = true, .kept_in_float32 = ".wo.weight"},
};

}  // namespace

const ConfigClass& config_class(std::string_view model_type) {
  static constexpr ConfigClass kNone{};
  const std::string name = " " + std::string(model_type) + " ";
  for (const auto& row : kClasses)
    if (row.model_types.find(name) != std::string_view::npos) return row;
  return kNone;
}

void apply_config_class(Json& config) {
  const Json* type = found(config, "model_type");
  const ConfigClass& row = config_class(type && type->is_string() ? type->get<std::string>() : "");
  for (const auto& [name, field] : row.attribute_map) {
    const Json *other = found(config, name), *own = found(config, field);
    if (other)
      config[std::string(field)] = Json(*other);
    else if (own)
      config[std::string(name)] = Json(*own);
  }
  const std::pair<const char*, int> ids[] = {{"bos_token_id", row.ids.bos},
                                             {"eos_token_id", row.ids.eos},
                                             {"pad_token_id", row.ids.pad},
                                             {"decoder_start_token_id", row.ids.decoder_start},
                                             {"forced_eos_token_id", row.ids.forced_eos}};
  if (row.complete) row.complete(config);
  for (const auto& [field, id] : ids)
    if (id >= 0 && !config.contains(field)) config[field] = id;  // null stays none
}

}  // namespace hft
