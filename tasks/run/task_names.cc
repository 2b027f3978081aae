#include "tasks/run/task_names.h"

#include <algorithm>
#include <vector>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/checkpoint/config.h"
#include "hub/model_card.h"

namespace hft {
namespace {

struct TaskName {
  const char *id, *command;
};
constexpr TaskName kTasks[] = {
    {"audio-classification", "audio-classify"},
    {"automatic-speech-recognition", "transcribe"},
    {"document-question-answering", "doc-qa"},
    {"feature-extraction", "embed"},
    {"fill-mask", "fill-mask"},
    {"image-classification", "image-classify"},
    {"image-feature-extraction", "embed"},
    {"image-segmentation", "segment"},
    {"image-text-to-text", "generate"},
    {"image-to-text", "caption"},
    {"ner", "ner"},
    {"object-detection", "detect"},
    {"question-answering", "qa"},
    {"sentence-similarity", "embed"},
    {"sentiment-analysis", "classify"},
    {"summarization", "summarize"},
    {"text-classification", "classify"},
    {"text-generation", "generate"},
    {"text-ranking", "rerank"},
    {"token-classification", "ner"},
    {"translation", "translate"},
    {"visual-question-answering", "vqa"},
    {"vqa", "vqa"},
    {"zero-shot-audio-classification", "audio-classify"},
    {"zero-shot-classification", "classify"},
    {"zero-shot-image-classification", "image-classify"},
};

}  // namespace

std::string command_of_task(const std::string& id) {
  std::vector<std::string> names;
  for (const TaskName& task : kTasks) {
    if (task.id == id) return task.command;
    names.push_back(task.id);
  }
  const auto near = nearest(id, names);
  fail(Errc::kUsage, "no task '", id, "'; there is ", joined(names, ", "),
       near ? "; closest: '" + *near + "'" : "");
}

std::string command_of_folder(const std::filesystem::path& folder) {
  if (std::filesystem::exists(folder / "modules.json")) return "embed";
  const Fields config = read_config_file(folder);
  const std::string type = config.text("model_type", ""), architecture = class_of(config);
  const std::string task = hub::task_of(architecture, type);
  if (task == "text2text-generation") {
    const auto translates = {"m2m_100", "marian", "mbart"};
    return std::ranges::find(translates, type) != translates.end() ? "translate" : "summarize";
  }
  if (!task.empty()) return command_of_task(task);
  return architecture.ends_with("Model") ? "embed" : "";
}

}  // namespace hft
