#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>

#include "cli/commands.h"
#include "cli/completions.h"
#include "cli/help.h"
#include "cli/parse.h"

namespace hft {
namespace {

// roff: a leading dot or quote, hyphens and backslashes are not text.
std::string roff(const std::string& text) {
  std::string out;
  for (char c : text) {
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else
      out += c;
    if (c == '\n') out += "\\&";
  }
  return out;
}

// "hub cache ls" as part of a page's name.
std::string hyphened(std::string name) {
  std::replace(name.begin(), name.end(), ' ', '-');
  return name;
}

}  // namespace

std::string man_page(const std::string& name) {
  std::map<std::string, std::function<int()>> runs;
  const auto tree = build_tree(runs);
  if (name.empty()) {
    std::string out =
        ".TH HFT 1 \"\" \"hft\"\n.SH NAME\nhft \\- run Hugging Face models from the shell\n"
        ".SH SYNOPSIS\n.B hft\nCOMMAND [OPTIONS] [INPUT...]\n.SH COMMANDS\n";
    for (const Command& command : commands())
      out +=
          ".TP\n.BR hft\\-" + roff(hyphened(command.name)) + " (1)\n" + roff(command.about) + "\n";
    return out;
  }
  const CLI::App* command = tree->get_subcommand(name);
  std::string out = ".TH HFT-" + hyphened(name) + " 1 \"\" \"hft\"\n.SH NAME\nhft\\-" +
                    roff(hyphened(name)) + " \\- " + roff(command->get_description()) +
                    "\n.SH SYNOPSIS\n.B hft " + roff(name) +
                    "\n[OPTIONS] [INPUT...]\n.SH OPTIONS\n";
  for (const CLI::Option* option : command->get_options()) {
    if (!option->nonpositional()) continue;
    const std::string standard = option->get_default_str();
    out += ".TP\n.B " + roff(spelling(*option)) + "\n" + roff(option->get_description()) +
           (standard.empty() ? "" : " [" + roff(standard) + "]") + "\n";
  }
  if (!command->get_footer().empty())
    out += ".SH EXAMPLES\n.nf\n\\&" + roff(command->get_footer()) + "\n.fi\n";
  return out;
}

}  // namespace hft
