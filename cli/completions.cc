#include "cli/completions.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>

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

// What may follow after some words of a command: "" -> first words, "hub" -> "download upload …".
std::map<std::string, std::vector<std::string>> next_words() {
  std::map<std::string, std::vector<std::string>> next;
  for (const Command& command : commands()) {
    std::string before;
    for (const auto& word : split(command.name, ' ')) {
      auto& words = next[before];
      if (std::find(words.begin(), words.end(), word) == words.end()) words.push_back(word);
      before += (before.empty() ? "" : " ") + word;
    }
  }
  for (const char* word : {"help", "completion", "--help", "--version"}) next[""].push_back(word);
  return next;
}

std::string bash(const CLI::App& tree) {
  std::string out =
      "# bash completion for hft\n_hft() {\n"
      "  local word=${COMP_WORDS[COMP_CWORD]} flags= next=\n"
      "  case \"${COMP_WORDS[*]:1:COMP_CWORD-1}\" in\n";
  for (const auto& [before, words] : next_words())
    out += "    \"" + before + "\") next=\"" + joined(words, " ") + "\" ;;\n";
  out +=
      "  esac\n"
      "  if [ -n \"$next\" ]; then COMPREPLY=($(compgen -W \"$next\" -- \"$word\")); return; fi\n"
      "  case \"${COMP_WORDS[*]:1}\" in\n";
  for (const CLI::App* command : tree.get_subcommands({}))
    out +=
        "    \"" + command->get_name() + " \"*) flags=\"" + trimmed(flags_of(*command)) + "\" ;;\n";
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
    if (std::string_view(command.name).find(' ') == std::string_view::npos)
      out += "    '" + std::string(command.name) + ":" + quoted(command.about) + "'\n";
  const auto next = next_words();
  for (const auto& word : next.at(""))
    if (next.contains(word)) out += "    '" + word + ":" + joined(next.at(word), ", ") + "'\n";
  out +=
      "  )\n  if (( CURRENT == 2 )); then _describe command commands; return; fi\n  case "
      "\"${words[2,CURRENT-1]}\" in\n";
  for (const auto& [before, words] : next)
    if (!before.empty())
      out += "    \"" + before + "\") compadd " + joined(words, " ") + "; return ;;\n";
  out += "  esac\n  case \"${words[2,-1]}\" in\n";
  for (const CLI::App* command : tree.get_subcommands({})) {
    out += "    \"" + command->get_name() + " \"*) _arguments -s \\\n";
    for (const CLI::Option* option : command->get_options())
      for (const auto& name : option->get_lnames())
        out += "      '--" + name + "[" + quoted(option->get_description()) + "]" +
               (option->get_expected_max() > 0 ? ":value:_files" : "") + "' \\\n";
    out += "      '*:input:_files' ;;\n";
  }
  return out + "  esac\n}\n_hft \"$@\"\n";
}

// The condition that these words of a command were typed.
std::string seen(const std::string& words) {
  std::string out;
  for (const auto& word : split(words, ' '))
    out += (out.empty() ? "" : "; and ") + ("__fish_seen_subcommand_from " + word);
  return out;
}

std::string fish(const CLI::App& tree) {
  std::string out = "# fish completion for hft\n";
  for (const Command& command : commands()) {
    const auto words = split(command.name, ' ');
    out += "complete -c hft -n " +
           (words.size() == 1
                ? "__fish_use_subcommand"
                : "'" + seen(joined(std::span(words).first(words.size() - 1), " ")) + "'") +
           " -a " + words.back() + " -d '" + quoted(command.about) + "'\n";
  }
  const auto next = next_words();
  for (const auto& word : next.at(""))
    if (next.contains(word)) out += "complete -c hft -n __fish_use_subcommand -a " + word + "\n";
  for (const CLI::App* command : tree.get_subcommands({}))
    for (const CLI::Option* option : command->get_options()) {
      std::string names;
      for (const auto& name : option->get_snames()) names += " -s " + name;
      for (const auto& name : option->get_lnames()) names += " -l " + name;
      if (names.empty()) continue;
      out += "complete -c hft -n '" + seen(command->get_name()) + "'" + names +
             (option->get_expected_max() > 0 ? " -r" : "") + " -d '" +
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

// "hub cache ls" as part of a page's name.
std::string hyphened(std::string name) {
  std::replace(name.begin(), name.end(), ' ', '-');
  return name;
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
