// hft models: which architectures are supported for which commands.
#include <algorithm>
#include <cstdio>
#include <string>

#include "core/base/json.h"
#include "core/engine.h"
#include "tasks/commands.h"

namespace hft {
namespace {

std::function<int()> declare(Flags& flags) {
  auto json = std::make_shared<bool>(false);
  flags.add("--json", *json, "One JSON record per architecture");
  return [json] {
    const auto rows = engine().supported_models();
    std::vector<std::string> tasks;
    for (const Support& row : rows)
      for (const auto& task : row.tasks)
        if (std::find(tasks.begin(), tasks.end(), task) == tasks.end()) tasks.push_back(task);
    if (*json) {
      for (const Support& row : rows)
        std::printf("%s\n",
                    to_line({{"model_type", row.model_type}, {"tasks", row.tasks}}).c_str());
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
    return 0;
  };
}

}  // namespace

extern const Command models_command{"models", "About",
                                    "Which architectures work with which commands", declare};

}  // namespace hft
