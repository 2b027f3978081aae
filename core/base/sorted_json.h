// JSON with the keys of its objects in order, for those of very many.
#pragma once

#include "core/base/json.h"

namespace hft {

// As parse_json().
nlohmann::json parse_sorted_json(std::string_view text, std::string_view where,
                                 bool unique_keys = false);

}  // namespace hft
