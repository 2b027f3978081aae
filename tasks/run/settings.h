// Which options have a value that was not typed, and where it comes from: for hft env. It is the
// command line's (cli/settings_files.cc), which knows every option.
#pragma once

#include "core/base/json.h"

namespace hft {

// [{"option", "value", "origin", "commands"}], by option.
Json settings_in_force();

}  // namespace hft
