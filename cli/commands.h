// The list of subcommands, in the order help shows them.
#pragma once

#include <span>

#include "tasks/run/command.h"

namespace hft {
std::span<const Command> commands();
}  // namespace hft
