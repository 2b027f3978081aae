// What the configuration classes of transformers know beside config.json: other names of fields,
// values of fields that are absent, and how the model is saved. Classes without any of it have no
// row. Source: configuration_*.py and PreTrainedModel's class attributes of transformers 4.57.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "core/base/json.h"

namespace hft {

struct ConfigClass {
  // Another name of a field; it wins where both are there, as it is set last.
  struct Alias {
    std::string_view name, field;
  };
  struct Ids {  // -1: none
    int bos = -1, eos = -1, pad = -1, decoder_start = -1, forced_eos = -1;
  };

  std::string_view model_types;  // " t5 mt5 "
  Ids ids = {};
  std::span<const Alias> attribute_map = {};
  void (*complete)(Json& config) = nullptr;  // what else the constructor does
  bool shares_embeddings = false;            // of encoder and decoder, whatever is tied
  std::string_view kept_in_float32 = {};     // ending of the tensors that float16 leaves alone
  std::string_view computed = {};            // ending of those that loading makes anew
};

// The row of a model_type; one without anything where there is none.
const ConfigClass& config_class(std::string_view model_type);

// A field of the object; null counts as absent.
inline const Json* found(const Json& object, std::string_view key) {
  const auto it = object.find(std::string(key));
  return it == object.end() || it->is_null() ? nullptr : &*it;
}

// Fields under all their names, and with the values of those that are absent.
void apply_config_class(Json& config);

}  // namespace hft
