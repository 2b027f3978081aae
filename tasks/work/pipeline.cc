// hft run: the command that fits a model. hft pipeline: the command of a task by its name in
// transformers. What stands behind is the command's.
#include <algorithm>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/checkpoint/config.h"
#include "hub/model_card.h"
#include "tasks/commands.h"
#include "tasks/run/model_options.h"
#include "tasks/run/task_names.h"

namespace hft {
namespace {

// Passed on, with what stands before them.
std::vector<std::string> with_rest(std::vector<std::string> first, const Flags& flags) {
  const std::vector<std::string> rest = flags.rest();
  first.insert(first.end(), rest.begin(), rest.end());
  return first;
}

std::string command_of_model(const std::string& model, const std::vector<std::string>& rest) {
  ModelOptions options{.model = model};
  for (std::size_t i = 0; i + 1 < rest.size(); ++i)
    if (rest[i] == "--revision") options.revision = rest[i + 1];
  const fs::path folder = model_folder(options, "", ModelParts::kTokenizer);
  const auto given = [&](const char* flag) {
    return std::ranges::any_of(rest, [&](const std::string& one) {
      return one == flag || one.starts_with(std::string(flag) + "=");
    });
  };
  const std::string command = command_of_folder(folder);
  if (command == "classify" && given("--query")) return "rerank";
  const Fields config = read_config_file(folder);
  const std::string architecture = class_of(config);
  const std::string task = hub::task_of(architecture, config.text("model_type", ""));
  if (task == "zero-shot-image-classification" && !given("--candidate-labels")) return "embed";
  if (!command.empty()) return command;
  fail_hint(Errc::kUnsupported, "name the task: hft pipeline TASK -m " + model, model, ": is ",
            architecture.empty() ? "a model without architectures in its config.json" : architecture,
            ", which does not tell its task");
}

int run_pipeline(const Flags& flags, const std::string& model) {
  if (model.empty()) fail(Errc::kUsage, "run: name a model: hft run REPO INPUT…");
  const std::string command = command_of_model(model, flags.rest());
  detail(model + ": hft " + command);
  return run_command(with_rest({command, "-m", model}, flags));
}

std::function<int()> declare_run(Flags& flags) {
  auto model = std::make_shared<std::string>();
  flags.footer(
      "Examples:\n"
      "  hft run distilbert/distilbert-base-uncased-finetuned-sst-2-english \"I love it!\"\n"
      "  hft run models/all-MiniLM-L6-v2 --query \"opening hours\" --lines -i faq.txt\n"
      "With -v it says which command it is.");
  flags.add("REPO", *model, "The model: its id on the Hub, or its folder");
  flags.passes_on("INPUTS AND OPTIONS", "What the command takes (hft help COMMAND)");
  return [model, flags] { return run_pipeline(flags, *model); };
}

std::function<int()> declare_pipeline(Flags& flags) {
  auto task = std::make_shared<std::string>();
  flags.footer(
      "Examples:\n"
      "  hft pipeline sentiment-analysis \"I love it!\"\n"
      "  hft pipeline token-classification -m DIR --json -i texts.jsonl");
  flags.add("TASK", *task, "sentiment-analysis, token-classification, …: the pipelines' names");
  flags.passes_on("INPUTS AND OPTIONS", "What the command takes (hft help COMMAND)");
  return [task, flags] {
    if (task->empty()) fail(Errc::kUsage, "pipeline: name a task: hft pipeline TASK INPUT…");
    return run_command(with_rest(command_of_task(*task), flags));
  };
}

}  // namespace

extern const Command run_any_command{"run", "Any", "Run a model with the command that fits it",
                                     declare_run};
extern const Command pipeline_command{"pipeline", "Any",
                                      "Run a task by the name its pipeline has in transformers",
                                      declare_pipeline};

}  // namespace hft
