// The fields of a generation configuration from JSON, each checked for its type and range.
#pragma once

#include <filesystem>
#include <string>

#include "core/generation/generation_config.h"

namespace hft {

// "top_p" -> "--top-p"
std::string flag_of(std::string_view field);

// `values` has every field. A bad one is named as the flag when flags have it (kUsage), else as a
// field of the folder's generation_config.json (kBadData).
GenerationConfig typed_generation(const Json& values, const Json& flags,
                                  const std::filesystem::path& folder);

}  // namespace hft
