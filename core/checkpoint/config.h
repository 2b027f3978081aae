// config.json: the fields every task reads, whatever the architecture.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/base/json.h"

namespace hft {

// config.json of a model folder. kNotFound when it is missing, saying what the folder lacks.
Fields read_config(const std::filesystem::path& folder);

// id2label in id order; LABEL_0 … from num_labels, else the reference's two (M0.9).
std::vector<std::string> labels_of(const Fields& config);

}  // namespace hft
