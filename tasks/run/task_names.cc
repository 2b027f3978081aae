#include "tasks/run/task_names.h"

#include <vector>

#include "core/base/error.h"
#include "core/base/text.h"

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

}  // namespace hft
