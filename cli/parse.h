// argv to a command that is ready to run.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace hft {

struct Parsed {
  std::shared_ptr<CLI::App> app;  // keeps the options alive
  std::function<int()> run;
};

// The whole option tree (help, completions and man pages walk it); runs[name] is set for commands.
std::unique_ptr<CLI::App> build_tree(std::map<std::string, std::function<int()>>& runs,
                                     const std::string& only = "");

// Do longer names of commands begin with these words ("hub", "hub cache")?
bool is_command(const std::string& name);
bool is_command_group(const std::string& words);

// Throws Error (kUsage) for anything wrong, with the nearest name. Help and --version are answered
// by a `run` that prints them.
Parsed parse(std::vector<std::string> arguments);

}  // namespace hft
