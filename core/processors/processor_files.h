// Where a model folder keeps what its inputs are made with.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "core/base/json.h"

namespace hft {

struct ProcessorFields {
  Fields fields;
  bool nested = false;  // in processor_config.json, as version 5 writes it
};

// Of preprocessor_config.json, or of one part ("image_processor", "feature_extractor") of it or of
// processor_config.json; none: the folder has neither.
std::optional<ProcessorFields> find_processor(const std::filesystem::path& folder,
                                              const std::string& part);

}  // namespace hft
