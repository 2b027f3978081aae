// --dry-run: where a model's weights would lie, printed before anything is loaded.
#pragma once

#include "tasks/run/model_options.h"

namespace hft {

// Declares --dry-run, which runs in place of the command.
void add_dry_run_option(Flags& flags, ModelOptions& options);

}  // namespace hft
