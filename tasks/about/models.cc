// hft models: which architectures are supported for which commands.
#include <algorithm>
#include <cstdio>
#include <string>

#include "core/base/json.h"
#include "core/checkpoint/config.h"
#include "core/checkpoint/embedded.h"
#include "core/engine.h"
#include "tasks/commands.h"
#include "tasks/run/task_names.h"

namespace hft {
namespace {

// The models that come with hft, and their commands.
void print_own_models(bool json) {
  const std::vector<std::string> names = embedded_models();
  if (!json && !names.empty()) std::printf("\nmodels that come with hft\n");
  for (const std::string& name : names) {
    const std::filesystem::path folder = embedded_folder(name);
    const std::string command = command_of_folder(folder),
                      type = read_config_file(folder).text("model_type", "");
    if (json)
      std::printf("%s\n",
                  to_line({{"model", name}, {"model_type", type}, {"tasks", {command}}}).c_str());
    else
      std::printf("%-18s hft %s (%s)\n", name.c_str(), command.c_str(), type.c_str());
  }
}

std::function<int()> declare_models(Flags& flags) {
  auto json = std::make_shared<bool>(false);
  flags.add("--json", *json, "One JSON record per architecture, and per model that comes with hft");
  return [json] {
    auto rows = engine().supported_models();
    // A cross-encoder is a model that classifies pairs.
    for (Support& row : rows)
      if (const auto at = std::ranges::find(row.tasks, "classify"); at != row.tasks.end())
        row.tasks.insert(at + 1, "rerank");
    std::vector<std::string> tasks;
    for (const Support& row : rows)
      for (const auto& task : row.tasks)
        if (std::find(tasks.begin(), tasks.end(), task) == tasks.end()) tasks.push_back(task);
    if (*json) {
      for (const Support& row : rows)
        std::printf("%s\n",
                    to_line({{"model_type", row.model_type}, {"tasks", row.tasks}}).c_str());
      print_own_models(true);
      return 0;
    }
    std::printf("%-14s", "model_type");
    for (const auto& task : tasks) std::printf("  %s", task.c_str());
    std::printf("\n");
    for (const Support& row : rows) {
      std::printf("%-14s", row.model_type.c_str());
      for (const auto& task : tasks) {
        const bool has = std::find(row.tasks.begin(), row.tasks.end(), task) != row.tasks.end();
        std::printf("  %s%*s", has ? "✓" : "·", static_cast<int>(task.size()) - 1, "");
      }
      std::printf("\n");
    }
    print_own_models(false);
    return 0;
  };
}

}  // namespace

extern const Command models_command{"models", "About",
                                    "Which architectures work with which commands", declare_models};

}  // namespace hft
