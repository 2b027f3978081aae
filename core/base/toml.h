// Settings files: the part of TOML 1.0 that settings need. Tables, and keys with texts, numbers,
// truth values and lists of them; no dates, inline tables or lists of tables.
#pragma once

#include <string_view>

#include "core/base/json.h"

namespace hft {

// An object; a table is an object in it, under its name ("hub ls" for ["hub ls"] and [hub.ls]).
// Throws kBadData naming the line.
Json parse_toml(std::string_view text, std::string_view where);

}  // namespace hft
