// config.json: the fields every task reads, whatever the architecture, and whatever release of
// transformers wrote them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "core/checkpoint/model_kinds.h"

namespace hft {

// config.json of a model folder, read as the config classes of transformers read it: fields at one
// place and under one name, wherever the file has them. kNotFound when it is missing, saying what
// the folder lacks.
Fields read_config(const std::filesystem::path& folder);
// The same for a command that wants a model of texts ("a text encoder"): kUnsupported for others,
// which have no tokenizer to look for.
Fields read_text_config(const std::filesystem::path& folder, std::string_view wanted);
// The file itself, for what is written anew or shown.
Fields read_config_file(const std::filesystem::path& folder);

// The language model's part of a config that may nest it, read as a config of its own: text_config,
// of this model_type where it says none; without it `config` itself.
Fields text_part(const Fields& config, const std::string& model_type);
// config.json with the fields of its text_config among its own, which win; as generate() reads it.
Json with_text_fields(const Fields& config);

// transformers 5 wrote it: where it reads a field otherwise than 4.57, it is right.
bool is_version_5(const Fields& config);

// The fields as layers of `layer_type` ("full_attention", "sliding_attention") have them; null for
// layers without rotary positions. They differ only where rope_parameters are kept by layer type.
std::optional<Fields> config_of_layers(const Fields& config, const std::string& layer_type);

// id2label in id order, each as the file spells it: a string as a rule, but any value may name a
// class; LABEL_0 … from num_labels, else the reference's two.
std::vector<Json> labels_of(const Fields& config);

}  // namespace hft
