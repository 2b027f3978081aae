// hft help, --help of each command, and the topics that belong to none.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace hft {

// `hft help [COMMAND|TOPIC]`, `hft completion SHELL`, `hft --help`.
int run_help(const std::vector<std::string>& arguments);

std::string overview();
std::vector<std::string> topic_names();  // exit-codes, environment, …
std::string help_of(const CLI::App& command);
// The values that an option allows, when they are few.
std::vector<std::string> choices_of(const CLI::Option& option);
// "-m,--model ID|DIR" of an option; "" for a hidden one.
std::string spelling(const CLI::Option& option);

}  // namespace hft
