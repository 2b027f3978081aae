// hft models: which architectures are supported for which commands.
#include <algorithm>
#include <cstdio>
#include <string>

#include "core/base/json.h"
#include "core/engine.h"
#include "tasks/commands.h"

namespace hft {
namespace {

std::function<int()> declare_models(Flags& flags) {
  auto json = std::make_shared<bool>(false);
  flags.add("--json", *json, "One JSON record per architecture");
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
                                    "Which architectures work with which commands", declare_models};

}  // namespace hft
