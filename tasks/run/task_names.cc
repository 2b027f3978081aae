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
    {"text2text-generation", "summarize --text2text"},
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

// Pipelines that transformers has and hft has not.
constexpr const char* kOthers[] = {"any-to-any",
                                   "depth-estimation",
                                   "image-to-image",
                                   "keypoint-matching",
                                   "mask-generation",
                                   "table-question-answering",
                                   "text-to-audio",
                                   "text-to-speech",
                                   "video-classification",
                                   "zero-shot-object-detection"};

// "translation_en_to_fr".
std::vector<std::string> translation_between(const std::string& id) {
  constexpr std::string_view kHead = "translation_", kMiddle = "_to_";
  const auto middle = id.find(kMiddle);
  if (!id.starts_with(kHead) || middle == id.npos || middle <= kHead.size()) return {};
  return {"translate", "--src-lang=" + id.substr(kHead.size(), middle - kHead.size()),
          "--tgt-lang=" + id.substr(middle + kMiddle.size())};
}

}  // namespace

const char* command_if_task(const std::string& id) {
  const auto* found = std::ranges::find(kTasks, id, &TaskName::id);
  return found == std::end(kTasks) ? nullptr : found->command;
}

std::vector<std::string> command_of_task(const std::string& id) {
  if (const char* command = command_if_task(id)) return split(command, ' ');
  if (auto translation = translation_between(id); !translation.empty()) return translation;
  std::vector<std::string> names;
  for (const TaskName& task : kTasks) names.push_back(task.id);
  if (std::ranges::find(kOthers, id) != std::end(kOthers))
    fail(Errc::kUnsupported, "the task '", id, "' is not supported; there is ", joined(names, ", "));
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
  if (!task.empty()) return command_of_task(task)[0];
  return architecture.ends_with("Model") ? "embed" : "";
}

}  // namespace hft
