#include "cli/completions.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <set>

#include "cli/commands.h"
#include "cli/help.h"
#include "cli/parse.h"
#include "core/base/error.h"
#include "core/base/text.h"

namespace hft {
namespace {

using Words = std::vector<std::string>;

// What may follow after some words of a command: "" -> first words, "hub" -> "download upload …".
std::map<std::string, Words> next_words() {
  std::map<std::string, Words> next;
  for (const Command& command : commands()) {
    std::string before;
    for (const auto& word : split(command.name, ' ')) {
      for (const std::string& at : {before, "help" + (before.empty() ? "" : " " + before)}) {
        // Behind a command that is also the beginning of another, its options are likelier.
        if (is_command(at)) continue;
        if (Words& words = next[at]; std::ranges::find(words, word) == words.end())
          words.push_back(word);
      }
      before += (before.empty() ? "" : " ") + word;
    }
  }
  const auto add = [&](const char* before, const Words& words) {
    next[before].insert(next[before].end(), words.begin(), words.end());
  };
  add("", {"help", "completion", "--help", "--version"});
  add("help", {"completion"});
  add("help", topic_names());
  add("completion", {"bash", "zsh", "fish"});
  return next;
}

enum class Values { kNone, kChoices, kFiles, kOwn };  // of an option

Values values_of(const CLI::Option& option) {
  if (option.get_expected_max() == 0) return Values::kNone;
  if (!choices_of(option).empty()) return Values::kChoices;
  const std::string type = option.get_type_name();
  for (const char* files : {"FILE", "DIR", "LIST"})
    if (type.find(files) != std::string::npos) return Values::kFiles;
  return Values::kOwn;
}

// "--name" and "-n" of an option.
Words names_of(const CLI::Option& option) {
  Words names;
  for (const auto& name : option.get_lnames()) names.push_back("--" + name);
  for (const auto& name : option.get_snames()) names.push_back("-" + name);
  return names;
}

constexpr const char* kBashHead = R"(# bash completion for hft
_hft_lines() {  # a reply per line of what compgen finds
  local line
  COMPREPLY=()
  while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen "$@")
}
_hft() {
  local word=${COMP_WORDS[COMP_CWORD]} last=${COMP_WORDS[COMP_CWORD-1]}
  local line="${COMP_WORDS[*]:1:COMP_CWORD-1}" flags= choices= own= next=
  # --name=value comes as three words.
  if [ "$word" = = ]; then word=
  elif [ "$last" = = ]; then last=${COMP_WORDS[COMP_CWORD-2]}; fi
  word=${word//\\/}
  word=${word#[\"\']}
  case "$line" in
)";

constexpr const char* kBashTail = R"(  esac
  COMPREPLY=()
  if [ -n "$own" ]; then return
  elif [ -n "$choices" ]; then _hft_lines -W "$choices" -- "$word"
  elif [ "${word:0:1}" = - ]; then _hft_lines -W "$flags" -- "$word"
  else _hft_lines -f -- "$word"; fi
}
complete -o filenames -F _hft hft
)";

std::string bash_command(const CLI::App& command) {
  std::string flags, cases, own;
  for (const CLI::Option* option : command.get_options()) {
    if (!option->nonpositional()) continue;
    const Words names = names_of(*option);
    flags += (flags.empty() ? "" : " ") + joined(names, " ");
    const Values values = values_of(*option);
    if (values == Values::kChoices)
      cases += "        " + joined(names, "|") + ") choices=\"" + joined(choices_of(*option), " ") +
               "\" ;;\n";
    if (values == Values::kOwn) own += (own.empty() ? "" : "|") + joined(names, "|");
  }
  if (!own.empty()) cases += "        " + own + ") own=1 ;;\n";
  return "    \"" + command.get_name() + " \"*)\n      flags=\"" + flags + "\"\n" +
         (cases.empty() ? "" : "      case \"$last\" in\n" + cases + "      esac\n") + "      ;;\n";
}

// The first pattern that fits is taken: "eval compare" stands before "eval".
std::vector<const CLI::App*> longest_first(const CLI::App& tree) {
  auto all = tree.get_subcommands({});
  std::ranges::stable_sort(all, std::greater(), [](const CLI::App* command) {
    return std::ranges::count(command->get_name(), ' ');
  });
  return all;
}

std::string bash(const CLI::App& tree) {
  std::string out = kBashHead;
  for (const auto& [before, words] : next_words())
    out += "    \"" + before + "\") next=\"" + joined(words, " ") + "\" ;;\n";
  out +=
      "  esac\n"
      "  if [ -n \"$next\" ]; then _hft_lines -W \"$next\" -- \"$word\"; return; fi\n"
      "  case \"$line \" in\n";
  for (const CLI::App* command : longest_first(tree)) out += bash_command(*command);
  return out + kBashTail;
}

// Single quotes and brackets end a zsh or fish description.
std::string quoted(const std::string& text) {
  std::string out;
  for (char c : text)
    if (c != '\'' && c != '[' && c != ']' && c != ':') out += c;
  return out;
}

std::string zsh_option(const CLI::Option& option) {
  std::string values;
  switch (values_of(option)) {
    case Values::kNone:
      break;
    case Values::kChoices:
      values = ":value:(" + joined(choices_of(option), " ") + ")";
      break;
    case Values::kFiles:
      values = ":file:_files";
      break;
    case Values::kOwn:
      values = ":value: ";
      break;
  }
  std::string out;
  for (const std::string& name : names_of(option))
    out += "      '" + std::string(option.get_expected_max() > 1 ? "*" : "") + name +
           (values.empty() || !name.starts_with("--") ? "" : "=") + "[" +
           quoted(option.get_description()) + "]" + values + "' \\\n";
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
      out += "    \"" + before + "\") compadd -- " + joined(words, " ") + "; return ;;\n";
  out += "  esac\n  case \"${words[2,-1]}\" in\n";
  for (const CLI::App* command : longest_first(tree)) {
    out += "    \"" + command->get_name() + " \"*) _arguments -s \\\n";
    for (const CLI::Option* option : command->get_options())
      if (option->nonpositional()) out += zsh_option(*option);
    out += "      '*:input:_files' ;;\n";
  }
  return out +
         "  esac\n}\nif [ \"$funcstack[1]\" = _hft ]; then _hft \"$@\"; else compdef _hft hft; "
         "fi\n";
}

constexpr const char* kFishHead = R"(# fish completion for hft
function __hft_words  # behind hft, before the cursor
    set -l words (commandline -opc)
    string join ' ' -- $words[2..-1]
end
function __hft_is  # they are these
    set -l words (__hft_words)
    test "$words" = "$argv"
end
function __hft_in  # they begin with these
    set -l words (__hft_words)
    string match -q -- "$argv *" "$words "
end
complete -c hft -f -n '__hft_is ""'
)";

std::string fish_option(const std::string& command, const CLI::Option& option) {
  std::string out = "complete -c hft -n '__hft_in \"" + command + "\"'";
  for (const auto& name : option.get_snames()) out += " -s " + name;
  for (const auto& name : option.get_lnames()) out += " -l " + name;
  switch (values_of(option)) {
    case Values::kNone:
      break;
    case Values::kChoices:
      out += " -x -a '" + joined(choices_of(option), " ") + "'";
      break;
    case Values::kFiles:
      out += " -r -F";
      break;
    case Values::kOwn:
      out += " -x";
      break;
  }
  return out + " -d '" + quoted(option.get_description()) + "'\n";
}

std::string fish(const CLI::App& tree) {
  std::string out = kFishHead;
  std::map<std::string, std::string> about;
  for (const Command& command : commands()) about[command.name] = quoted(command.about);
  for (const auto& [before, words] : next_words())
    for (const auto& word : words) {
      const std::string full = before.empty() ? word : before + " " + word;
      out += "complete -c hft -f -n '__hft_is \"" + before + "\"' -a " + word +
             (about.contains(full) ? " -d '" + about[full] + "'" : "") + "\n";
    }
  for (const CLI::App* command : tree.get_subcommands({}))
    for (const CLI::Option* option : command->get_options())
      if (option->nonpositional()) out += fish_option(command->get_name(), *option);
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

}  // namespace hft
