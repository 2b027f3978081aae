#include "cli/settings_files.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <set>

#include "cli/commands.h"
#include "cli/parse.h"
#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/limits.h"
#include "core/base/text.h"
#include "core/base/toml.h"
#include "tasks/run/settings.h"

namespace hft {
namespace {

std::string dashed(std::string name) {
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

std::string home_file() {
  const char* config = std::getenv("XDG_CONFIG_HOME");
  const char* home = std::getenv("HOME");
  if (config && *config) return (fs::path(config) / "hft/config.toml").string();
  return home && *home ? (fs::path(home) / ".config/hft/config.toml").string() : "";
}

// The word behind --config, or joined to it.
std::string named_file(const std::vector<std::string>& given) {
  for (std::size_t i = 0; i < given.size() && given[i] != "--"; ++i) {
    if (given[i].starts_with("--config=")) return given[i].substr(9);
    if (given[i] == "--config" && i + 1 < given.size()) return given[i + 1];
  }
  return "";
}

// The names of all options, of every command.
const std::set<std::string>& all_options() {
  static const std::set<std::string> names = [] {
    std::set<std::string> all;
    std::map<std::string, std::function<int()>> runs;
    const auto tree = build_tree(runs);
    for (const CLI::App* command : tree->get_subcommands({}))
      for (const CLI::Option* option : command->get_options())
        for (const auto& name : option->get_lnames()) all.insert(name);
    return all;
  }();
  return names;
}

std::vector<std::string> values_of(const std::string& where, const std::string& name, const Json& value) {
  const auto text = [&](const Json& one) {
    if (one.is_structured()) fail(Errc::kUsage, where, ": '", name, "' holds a list in a list");
    return one.is_string() ? one.get<std::string>() : to_line(one);
  };
  if (!value.is_array()) return {text(value)};
  std::vector<std::string> all;
  for (const Json& one : value) all.push_back(text(one));
  return all;
}

// Takes a file's keys for this command; what is set already stays.
void take_file(const std::string& file, const CLI::App& command, std::map<std::string, Setting>& to) {
  const Json all = parse_toml(read_file(file, limits::kJsonBytes), file);
  const auto take = [&](const std::string& key, const Json& value, bool own) {
    const std::string name = dashed(key);
    if (!command.get_option_no_throw("--" + name)) {
      if (!own && all_options().contains(name)) return;  // another command's
      std::vector<std::string> names(all_options().begin(), all_options().end());
      const auto near = nearest(name, names);
      fail(Errc::kUsage, file, ": ", own ? command.get_name() + " has" : "there is", " no option '",
           key, "'", near ? "; closest: '" + *near + "'" : "");
    }
    to.emplace(name, Setting{"--" + name, file, values_of(file, key, value)});
  };
  if (all.contains(command.get_name()))
    for (const auto& [key, value] : all[command.get_name()].items()) take(key, value, true);
  for (const auto& [key, value] : all.items()) {
    if (!value.is_object())
      take(key, value, false);
    else if (!is_command(key))
      fail(Errc::kUsage, file, ": there is no command '", key, "'");
  }
}

}  // namespace

std::vector<Setting> settings_for(const CLI::App& command, const std::vector<std::string>& given) {
  std::map<std::string, Setting> found;
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_lnames().empty() || option->get_lnames()[0] == "help") continue;
    const std::string name = option->get_lnames()[0];
    std::string variable = "HFT_" + name;
    for (char& c : variable) c = c == '-' ? '_' : static_cast<char>(std::toupper(c));
    if (const char* value = std::getenv(variable.c_str()); value && *value)
      found.emplace(name, Setting{"--" + name, variable, {value}});
  }
  const CLI::Option* config = command.get_option_no_throw("--config");  // a switch of hft env
  const std::string named = config && config->get_expected_max() > 0 ? named_file(given) : "";
  std::error_code ignored;
  if (!named.empty())
    take_file(named, command, found);
  else if (fs::exists("hft.toml", ignored))
    take_file("hft.toml", command, found);
  if (const std::string own = home_file(); !own.empty() && fs::exists(own, ignored))
    take_file(own, command, found);
  std::vector<Setting> all;
  for (auto& [name, setting] : found) all.push_back(std::move(setting));
  return all;
}

Json settings_in_force() {
  std::map<std::string, std::function<int()>> runs;
  const auto tree = build_tree(runs);
  std::map<std::string, Json> rows;
  for (const CLI::App* command : tree->get_subcommands({}))
    for (const Setting& setting : settings_for(*command, {})) {
      const Json value = setting.values.size() == 1 ? Json(setting.values[0]) : Json(setting.values);
      Json& row = rows[setting.option + to_line(value) + setting.origin];
      if (row.is_null())
        row = {{"option", setting.option}, {"value", value}, {"origin", setting.origin}};
      row["commands"].push_back(command->get_name());
    }
  Json all = Json::array();
  for (auto& [key, row] : rows) all.push_back(std::move(row));
  return all;
}

}  // namespace hft
