// What a subcommand is: a row of the command list (cli/commands.cc).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tasks/run/flags.h"

namespace hft {

// declare adds the options to its own subcommand and returns what runs it; it opens no file and
// no connection. run throws Error, or returns the exit code (0, or 3 when some inputs failed).
struct Command {
  const char* name;
  const char* group;  // heading in `hft --help`
  const char* about;  // one line
  std::function<int()> (*declare)(Flags&);
};

// Runs another command, as if it stood on the command line: for commands made of others. It is
// cli/parse's, which knows them all.
int run_command(std::vector<std::string> arguments);

}  // namespace hft
