// hft env: what a report of a fault should say about this machine and its settings.
#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <memory>
#include <string>
#include <thread>

#include "core/base/json.h"
#include "core/base/processor.h"
#include "core/base/text.h"
#include "hub/settings.h"
#include "tasks/commands.h"
#include "tasks/run/settings.h"

namespace hft {
namespace {

Json kernels() {
  Json all = Json::object();
  for (const auto& [kernel, row, why] : kernel_rows())
    all[std::string(kernel)] = {{"row", row}, {"why", why}};
  return all;
}

// The first of these variables that is set, and so decides.
std::string origin_of(std::initializer_list<const char*> variables, const std::string& otherwise) {
  for (const char* name : variables)
    if (const char* value = std::getenv(name); value && *value) return name;
  return otherwise;
}

// Where each setting that is not an option comes from.
Json origins() {
  const bool login = !hub::settings().token.empty();
  return {{"processor", origin_of({"HFT_CPU"}, "the best this processor has")},
          {"threads", origin_of({"OMP_NUM_THREADS"}, "the processor")},
          {"cache", origin_of({"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "TRANSFORMERS_CACHE",
                               "HF_HOME", "XDG_CACHE_HOME"},
                              "built in")},
          {"endpoint", origin_of({"HF_ENDPOINT"}, "built in")},
          {"offline", origin_of({"HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"}, "built in")},
          {"token", origin_of({"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH"},
                              login ? "hft hub login" : "built in")}};
}

Json rows() {
  return {{"version", HFT_VERSION},
          {"processor", name_of(processor())},
          {"cores", std::thread::hardware_concurrency()},
          {"kernels", kernels()},
          {"cache", hub::cache_folder().string()},
          {"endpoint", hub::settings().endpoint},
          {"offline", hub::offline()},
          {"token", !hub::settings().token.empty()},
          {"origins", origins()}};
}

std::string shown(const Json& row) {
  const std::string value =
      row["value"].is_string() ? row["value"].get<std::string>() : to_line(row["value"]);
  return row["option"].get<std::string>() + " " + value + "  (" + row["origin"].get<std::string>() +
         ": " +
         (row["commands"].size() > 3
              ? counted(static_cast<std::int64_t>(row["commands"].size()), "command")
              : to_line(row["commands"])) +
         ")";
}

std::function<int()> declare_env(Flags& flags) {
  auto json = std::make_shared<bool>(false), config = std::make_shared<bool>(false);
  flags.footer(
      "Examples:\n"
      "  hft env\n"
      "  HFT_CPU=plain hft env --json\n"
      "  hft env --config                  # what hft.toml and HFT_* set");
  flags.add("--json", *json, "One JSON record");
  flags.add("--config", *config, "Options set by files and variables, and where each comes from");
  return [json, config] {
    if (*config) {
      for (const Json& row : settings_in_force())
        std::printf("%s\n", *json ? to_line(row).c_str() : shown(row).c_str());
      return 0;
    }
    const Json all = rows();
    if (*json) {
      std::printf("%s\n", to_line(all).c_str());
      return 0;
    }
    for (const auto& [name, value] : all.items()) {
      if (name == "origins") continue;
      if (!value.is_object()) {
        const std::string origin = all["origins"].value(name, "");
        std::printf("%-10s  %s%s\n", name.c_str(),
                    value.is_boolean()  ? value.get<bool>() ? "yes" : "no"
                    : value.is_string() ? value.get<std::string>().c_str()
                                        : to_line(value).c_str(),
                    origin.empty() ? "" : ("  (" + origin + ")").c_str());
        continue;
      }
      std::printf("%s\n", name.c_str());
      for (const auto& [kernel, row] : value.items())
        std::printf("  %-16s  %s (%s)\n", kernel.c_str(), row["row"].get<std::string>().c_str(),
                    row["why"].get<std::string>().c_str());
    }
    return 0;
  };
}

}  // namespace

extern const Command env_command{
    "env", "About", "Versions, the processor and which kernels serve it, settings", declare_env};

}  // namespace hft
