#include "cli/completions.h"

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/help.h"
#include "cli/parse.h"
#include "core/base/error.h"
#include "core/base/text.h"

namespace hft {
namespace {

std::string flags_of(const CLI::App& command) {
  std::string out;
  for (const CLI::Option* option : command.get_options())
    for (const auto& name : option->get_lnames()) out += " --" + name;
  return out;
}

std::string names_of_commands() {
  std::string out;
  for (const Command& command : commands()) out += std::string(command.name) + " ";
  return out + "help completion";
}

std::string bash(const CLI::App& tree) {
  std::string out =
      "# bash completion for hft\n_hft() {\n"
      "  local word=${COMP_WORDS[COMP_CWORD]} flags=\n"
      "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
      "    COMPREPLY=($(compgen -W \"" +
      names_of_commands() +
      " --help --version\" -- \"$word\"))\n"
      "    return\n  fi\n  case ${COMP_WORDS[1]} in\n";
  for (const CLI::App* command : tree.get_subcommands({}))
    out += "    " + command->get_name() + ") flags=\"" + trimmed(flags_of(*command)) + "\" ;;\n";
  return out +
         "  esac\n"
         "  case $word in\n"
         "    -*) COMPREPLY=($(compgen -W \"$flags\" -- \"$word\")) ;;\n"
         "    *) COMPREPLY=($(compgen -f -- \"$word\")) ;;\n"
         "  esac\n}\ncomplete -o filenames -F _hft hft\n";
}

// Single quotes and brackets end a zsh or fish description.
std::string quoted(const std::string& text) {
  std::string out;
  for (char c : text)
    if (c != '\'' && c != '[' && c != ']' && c != ':') out += c;
  return out;
}

std::string zsh(const CLI::App& tree) {
  std::string out = "#compdef hft\n_hft() {\n  local -a commands\n  commands=(\n";
  for (const Command& command : commands())
    out += "    '" + std::string(command.name) + ":" + quoted(command.about) + "'\n";
  out +=
      "  )\n  if (( CURRENT == 2 )); then _describe command commands; return; fi\n  case $words[2] "
      "in\n";
  for (const CLI::App* command : tree.get_subcommands({})) {
    out += "    " + command->get_name() + ") _arguments -s \\\n";
    for (const CLI::Option* option : command->get_options())
      for (const auto& name : option->get_lnames())
        out += "      '--" + name + "[" + quoted(option->get_description()) + "]" +
               (option->get_expected_max() > 0 ? ":value:_files" : "") + "' \\\n";
    out += "      '*:input:_files' ;;\n";
  }
  return out + "  esac\n}\n_hft \"$@\"\n";
}

std::string fish(const CLI::App& tree) {
  std::string out = "# fish completion for hft\n";
  for (const Command& command : commands())
    out += "complete -c hft -n __fish_use_subcommand -a " + std::string(command.name) + " -d '" +
           quoted(command.about) + "'\n";
  for (const CLI::App* command : tree.get_subcommands({}))
    for (const CLI::Option* option : command->get_options()) {
      std::string names;
      for (const auto& name : option->get_snames()) names += " -s " + name;
      for (const auto& name : option->get_lnames()) names += " -l " + name;
      if (names.empty()) continue;
      out += "complete -c hft -n '__fish_seen_subcommand_from " + command->get_name() + "'" +
             names + (option->get_expected_max() > 0 ? " -r" : "") + " -d '" +
             quoted(option->get_description()) + "'\n";
    }
  return out;
}

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

}  // namespace

std::string completion_script(const std::string& shell) {
  std::map<std::string, std::function<int()>> runs;
  const auto tree = build_tree(runs);
  if (shell == "bash") return bash(*tree);
  if (shell == "zsh") return zsh(*tree);
  if (shell == "fish") return fish(*tree);
  fail(Errc::kUsage, "completion: '", shell, "' is none of bash, zsh, fish");
}

std::string man_page(const std::string& name) {
  std::map<std::string, std::function<int()>> runs;
  const auto tree = build_tree(runs);
  if (name.empty()) {
    std::string out =
        ".TH HFT 1 \"\" \"hft\"\n.SH NAME\nhft \\- run Hugging Face models from the shell\n"
        ".SH SYNOPSIS\n.B hft\nCOMMAND [OPTIONS] [INPUT...]\n.SH COMMANDS\n";
    for (const Command& command : commands())
      out += ".TP\n.BR hft\\-" + roff(command.name) + " (1)\n" + roff(command.about) + "\n";
    return out;
  }
  const CLI::App* command = tree->get_subcommand(name);
  std::string out = ".TH HFT-" + lowercase(name) + " 1 \"\" \"hft\"\n.SH NAME\nhft\\-" +
                    roff(name) + " \\- " + roff(command->get_description()) +
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
