#include "cli/parse.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "cli/commands.h"
#include "cli/help.h"
#include "cli/settings_files.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/progress.h"
#include "core/base/secrets.h"
#include "core/base/text.h"

namespace hft {
namespace {

// --max_new_tokens is --max-new-tokens.
std::string normalised(const std::string& argument) {
  if (!argument.starts_with("--")) return argument;
  std::string out = argument;
  for (std::size_t i = 2; i < out.size() && out[i] != '='; ++i)
    if (out[i] == '_') out[i] = '-';
  return out;
}

// "--model=" is "--model" with an empty value; CLI11 would take the next argument for it.
void part_empty_values(const CLI::App& app, std::vector<std::string>& arguments) {
  for (std::size_t i = 0; i < arguments.size() && arguments[i] != "--"; ++i) {
    std::string& argument = arguments[i];
    if (!argument.starts_with("--") || argument.find('=') != argument.size() - 1) continue;
    const CLI::Option* option = app.get_option_no_throw(argument.substr(0, argument.size() - 1));
    if (!option || option->get_expected_max() == 0) continue;
    argument.pop_back();
    arguments.insert(arguments.begin() + static_cast<std::ptrdiff_t>(++i), "");
  }
}

// A flag that may have a value takes one of its own words behind it, and nothing else.
void join_modes(const CLI::App& app, std::vector<std::string>& arguments) {
  for (std::size_t i = 0; i + 1 < arguments.size() && arguments[i] != "--"; ++i) {
    if (!arguments[i].starts_with("--")) continue;
    CLI::Option* option = const_cast<CLI::Option*>(app.get_option_no_throw(arguments[i]));
    if (!option || option->get_expected_max() > 0) continue;
    try {
      std::string word = arguments[i + 1];
      if (!(*option->get_validator(0))(word).empty()) continue;
    } catch (const CLI::OptionNotFound&) {
      continue;
    }
    arguments[i] += "=" + arguments[i + 1];
    arguments.erase(arguments.begin() + static_cast<std::ptrdiff_t>(i) + 1);
  }
}

// An empty text is a text; an empty name is a variable that a script has not set.
bool may_be_empty(const CLI::Option& option) {
  if (!option.nonpositional()) return option.get_group() == "Input";
  const std::string type = option.get_type_name();  // "TEXT:{a,b}" names one of these
  return type == "TEXT" || type.starts_with("TEXT ");
}

std::string slashed_names(const CLI::Option& option) {
  std::string names;
  for (const auto& name : option.get_snames()) names += "-" + name + "/";
  for (const auto& name : option.get_lnames()) names += "--" + name + "/";
  return names.empty() ? option.get_single_name() : names.substr(0, names.size() - 1);
}

// Every value passes here. CLI11 takes "[a, b]" for a list of values; here it is text. A NUL behind
// it, which no argument can hold, keeps it whole and comes off again.
void watch_values(CLI::App& app, std::vector<std::string>& arguments) {
  for (std::string& argument : arguments)
    if (argument.ends_with(']')) argument += '\0';
  for (CLI::Option* option : app.get_options())
    option->transform([option](std::string value) {
      if (value.ends_with('\0')) value.pop_back();
      if (value.empty() && option->get_expected_max() > 0 && !may_be_empty(*option))
        fail(Errc::kUsage, slashed_names(*option), ": is empty; a variable that is not set?");
      return value;
    });
}

// `hft classify DIR TEXT`: -m was forgotten, and the default model would read the folder's name.
void refuse_folder_as_text(const CLI::App& app) {
  const CLI::Option* model = app.get_option_no_throw("--model");
  if (!model || model->count() > 0) return;
  for (const CLI::Option* option : app.get_options()) {
    if (option->nonpositional() || option->get_group() != "Input" || option->count() == 0) continue;
    const std::string first = option->results()[0];
    std::error_code ignored;
    if (std::filesystem::is_regular_file(std::filesystem::path(first) / "config.json", ignored))
      fail_hint(Errc::kUsage, "hft " + app.get_name() + " -m " + first + " …", app.get_name(), ": ",
                first, " is a model's folder, not an input; -m is missing");
  }
}

void add_common(CLI::App& app) {
  app.add_flag_callback(
         "-q,--quiet", [] { set_verbosity(Verbosity::kQuiet); }, "Only results and errors")
      ->group("Messages");
  app.add_flag_callback(
         "-v,--verbose", [] { set_verbosity(Verbosity::kVerbose); }, "Also the settings in force")
      ->group("Messages");
  app.add_option_function<std::string>(
         "--progress",
         [](const std::string& name) {
           static const std::map<std::string, ProgressStyle> kStyles{
               {"auto", ProgressStyle::kAuto},
               {"bar", ProgressStyle::kBar},
               {"plain", ProgressStyle::kPlain},
               {"json", ProgressStyle::kJson},
               {"none", ProgressStyle::kNone}};
           set_progress_style(kStyles.at(name));
         },
         "How progress is shown on stderr")
      ->check(CLI::IsMember({"auto", "bar", "plain", "json", "none"}))
      ->default_str("auto")
      ->group("Messages");
  app.add_option_function<std::string>(
         "--color", [](const std::string&) {}, "When text for people is coloured; it has no colours as yet")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->default_str("auto")
      ->group("Messages");
  if (!app.get_option_no_throw("--dry-run") && !app.get_prefix_command())  // else it is passed on
    app.add_flag("--dry-run")
        ->description("Check the command line, print the options in force and where each comes from, and end")
        ->group("Messages");
  if (!app.get_option_no_throw("--config"))
    app.add_option_function<std::string>(
           "--config", [](const std::string&) {},
           "Take options from FILE in place of ./hft.toml")
        ->type_name("FILE")
        ->group("Messages");
}

// CLI11's words for the commonest mistakes, in ours.
[[noreturn]] void explain(const CLI::ParseError& error, const CLI::App& app,
                          const std::vector<std::string>& arguments) {
  const std::string context = "hft " + app.get_name();
  const std::string hint = context + " --help";
  if (dynamic_cast<const CLI::ExtrasError*>(&error) || dynamic_cast<const CLI::RequiredError*>(&error)) {
    std::vector<std::string> names;
    for (const CLI::Option* option : app.get_options())
      for (const auto& name : option->get_lnames()) names.push_back("--" + name);
    for (const std::string& given : arguments) {
      if (mask_tokens(given) != given)
        fail_hint(Errc::kUsage, hint, app.get_name(),
                  ": a token is not taken from the command line; it comes from standard input (hft "
                  "hub login) or from HF_TOKEN");
      const std::string word = given.substr(0, given.find('='));
      if (!word.starts_with("-") || word == "-" || word == "--") continue;
      if (std::find(names.begin(), names.end(), word) != names.end()) continue;
      if (word.size() == 2 && app.get_option_no_throw(word)) continue;
      const auto near = nearest(word, names);
      const std::string behind = " lists them; a text that begins with - stands behind: -- TEXT";
      fail_hint(Errc::kUsage, near ? hint : hint + behind, app.get_name(), ": unknown option '",
                word, "'", near ? "; closest: '" + *near + "'" : "");
    }
  }
  std::string message = error.what();
  std::erase(message, '\0');
  std::replace(message.begin(), message.end(), '\n', ' ');
  fail_hint(Errc::kUsage, hint, app.get_name(), ": ", trimmed(message));
}

// Behind an option that takes a list CLI11 takes "--" for the list's end alone; a second one then
// says what the first one says elsewhere.
void keep_mark(const CLI::App& app, std::vector<std::string>& arguments) {
  const auto mark = std::find(arguments.begin(), arguments.end(), "--");
  for (auto at = mark; mark != arguments.end() && at != arguments.begin();) {
    --at;
    if (!at->starts_with("-") || *at == "-") continue;
    const CLI::Option* option = app.get_option_no_throw(at->substr(0, at->find('=')));
    if (!option) option = app.get_option_no_throw(at->substr(0, 2));  // -iFILE
    if (option && option->get_allow_extra_args()) arguments.insert(mark, "--");
    return;
  }
}

void parse_arguments(CLI::App& app, std::vector<std::string> arguments) {
  part_empty_values(app, arguments);
  join_modes(app, arguments);
  keep_mark(app, arguments);
  // CLI11 takes its arguments last first.
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  watch_values(app, reversed);
  try {
    app.parse(std::move(reversed));
  } catch (const CLI::ParseError& error) {
    explain(error, app, arguments);
  }
}

// Before the arguments, what files and variables say of options that are not among them.
void add_settings(const std::string& name, const std::vector<Setting>& settings,
                  std::vector<std::string>& arguments) {
  if (settings.empty()) return;
  std::map<std::string, std::function<int()>> runs;
  const auto tree = build_tree(runs, name);
  CLI::App* probe = tree->get_subcommand(name);
  parse_arguments(*probe, arguments);
  std::vector<std::string> all;
  for (const Setting& setting : settings) {
    const CLI::Option* option = probe->get_option(setting.option);
    const bool off = option->get_expected_max() == 0 && setting.values[0] == "false";
    if (option->count() > 0 || off) continue;
    detail(setting.option + " " + joined(setting.values, " ") + " (" + setting.origin + ")");
    for (const std::string& value : setting.values) all.push_back(setting.option + "=" + value);
  }
  arguments.insert(arguments.begin(), all.begin(), all.end());
}

// Each option that is given, by whom, one a line: what --dry-run prints.
int print_plan(const CLI::App& app, const std::vector<Setting>& settings) {
  std::printf("hft %s\n", app.get_name().c_str());
  for (const CLI::Option* option : app.get_options()) {
    const std::string name = option->nonpositional() ? "--" + option->get_lnames()[0] : option->get_name(true);
    if (option->count() == 0 || name == "--dry-run") continue;
    const auto set = std::find_if(settings.begin(), settings.end(),
                                  [&](const Setting& one) { return one.option == name; });
    const bool from_file = set != settings.end() && set->values == option->results();
    std::string values;
    if (option->get_expected_max() > 0)
      for (const std::string& value : option->results()) values += " " + escape_controls(shorten(value, 200));
    std::printf("  %s%s  (%s)\n", name.c_str(), values.c_str(), from_file ? set->origin.c_str() : "command line");
  }
  return 0;
}

// The words of a group ("hub cache") and the one behind them that is wrong, if any.
std::string group_words(const std::vector<std::string>& arguments) {
  std::string words = arguments[0];
  for (std::size_t i = 1;
       i < arguments.size() && !arguments[i].starts_with("-") && is_command_group(words); ++i)
    words += " " + arguments[i];
  return words;
}

[[noreturn]] void unknown_command(const std::vector<std::string>& arguments) {
  std::vector<std::string> names{"help", "completion"};
  for (const Command& command : commands()) names.push_back(command.name);
  const std::string word = group_words(arguments);
  if (is_command_group(word))
    fail_hint(Errc::kUsage, "hft help " + word + " lists them", word,
              ": one of its commands is wanted");
  const auto near = nearest(word, names);
  const std::string kind = word.starts_with("-") ? "option" : "command";
  fail_hint(Errc::kUsage, "hft --help lists the commands", "unknown ", kind, " '", word, "'",
            near ? "; closest: '" + *near + "'" : "");
}

}  // namespace

bool is_command(const std::string& name) {
  const auto all = commands();
  return std::any_of(all.begin(), all.end(), [&](const Command& c) { return name == c.name; });
}

bool is_command_group(const std::string& words) {
  const auto all = commands();
  return std::any_of(all.begin(), all.end(), [&](const Command& c) {
    return std::string(c.name).starts_with(words + " ");
  });
}

std::string command_of(const std::vector<std::string>& arguments, std::size_t& words) {
  std::string name, longest;
  words = 0;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    name += (i ? " " : "") + arguments[i];
    if (is_command(name)) {
      longest = name;
      words = i + 1;
    }
    if (!is_command_group(name)) break;
  }
  return longest;
}

std::unique_ptr<CLI::App> build_tree(std::map<std::string, std::function<int()>>& runs,
                                     const std::string& only) {
  auto app = std::make_unique<CLI::App>("Run Hugging Face models from the shell", "hft");
  for (const Command& command : commands()) {
    if (!only.empty() && only != command.name) continue;
    // Made apart, because a name may be of two words.
    CLI::App* sub = app->add_subcommand(std::make_shared<CLI::App>(command.about, command.name));
    sub->group(command.group);
    sub->option_defaults()->always_capture_default(false);
    Flags flags(*sub);
    runs[command.name] = [run = command.declare(flags), flags] { return flags.run(run); };
    add_common(*sub);
  }
  return app;
}

Parsed parse(std::vector<std::string> arguments) {
  const std::string word = arguments.empty() ? "--help" : arguments[0];
  if (word == "--version" || word == "-V")
    return {nullptr, [] {
              std::printf("hft %s\n", HFT_VERSION);
              return 0;
            }};
  if (word == "help" || word == "--help" || word == "-h" || word == "completion")
    return {nullptr, [arguments] { return run_help(arguments); }};
  std::size_t words = 0;
  const std::string name = command_of(arguments, words);
  const auto asks_help = [&](std::size_t from) {
    for (std::size_t i = from; i < arguments.size() && arguments[i] != "--"; ++i)
      if (arguments[i] == "--help" || arguments[i] == "-h") return true;
    return false;
  };
  if (name.empty() && asks_help(1) && is_command_group(group_words(arguments)))
    return {nullptr, [arguments] { return run_help({"help", group_words(arguments)}); }};
  if (name.empty()) unknown_command(arguments);

  bool options_ended = false;
  for (auto& argument : arguments) {
    options_ended |= argument == "--";
    if (!options_ended) argument = normalised(argument);
  }
  std::map<std::string, std::function<int()>> runs;
  Parsed parsed{build_tree(runs, name), {}};
  CLI::App* sub = parsed.app->get_subcommand(name);
  if (asks_help(words)) return {nullptr, [name] { return run_help({"help", name}); }};
  arguments.erase(arguments.begin(), arguments.begin() + static_cast<std::ptrdiff_t>(words));
  const std::vector<Setting> settings = settings_for(*sub, arguments);
  add_settings(name, settings, arguments);
  parse_arguments(*sub, std::move(arguments));
  const auto given = [sub](const char* flag) {
    const CLI::Option* option = sub->get_option_no_throw(flag);
    return option && option->count() > 0;
  };
  // Where it is a model's, the plan of its weights follows; other commands have their own.
  const std::string dry = given("--dry-run") ? sub->get_option("--dry-run")->get_group() : "";
  if (dry == "Messages" || (dry == "Model" && !given("--model")))
    return {std::move(parsed.app), [sub, settings] { return print_plan(*sub, settings); }};
  parsed.run = [sub, settings, run = runs.at(name), told = dry == "Model" && !given("--json")] {
    refuse_folder_as_text(*sub);
    if (told) print_plan(*sub, settings);
    return run();
  };
  return parsed;
}

int run_command(std::vector<std::string> arguments) { return parse(std::move(arguments)).run(); }

}  // namespace hft
