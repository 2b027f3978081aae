#include "hub/model_card.h"

#include <yaml-cpp/yaml.h>

#include <map>

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/json.h"
#include "core/base/text.h"
#include "hub/names.h"

namespace hft::hub {
namespace {

Json read_object(const fs::path& file) {
  std::error_code ignored;
  if (!fs::is_regular_file(file, ignored)) return Json::object();
  Json json = read_json(file);
  return json.is_object() ? json : Json::object();
}

// Numbers that an evaluation wrote: eval_accuracy -> accuracy.
std::map<std::string, double> metrics_of(const fs::path& folder) {
  std::map<std::string, double> out;
  for (const char* name : {"all_results.json", "eval_results.json"}) {
    const Json results = read_object(folder / name);
    for (const auto& [key, value] : results.items()) {
      if (!key.starts_with("eval_") || !value.is_number()) continue;
      const std::string metric = key.substr(5);
      if (metric == "runtime" || metric == "samples" || metric.ends_with("per_second")) continue;
      out[metric] = value;
    }
  }
  return out;
}

std::string number_text(double value) { return to_line(Json(value)); }

void write_metrics(YAML::Emitter& yaml, const std::string& name, const std::string& task,
                   const std::map<std::string, double>& metrics) {
  using namespace YAML;
  yaml << Key << "model-index" << Value << BeginSeq << BeginMap << Key << "name" << Value << name
       << Key << "results" << Value << BeginSeq << BeginMap;
  yaml << Key << "task" << Value << BeginMap << Key << "type" << Value
       << (task.empty() ? "other" : task) << EndMap;
  yaml << Key << "dataset" << Value << BeginMap << Key << "name" << Value << "unknown" << Key
       << "type" << Value << "unknown" << EndMap;
  yaml << Key << "metrics" << Value << BeginSeq;
  for (const auto& [metric, value] : metrics)
    yaml << BeginMap << Key << "name" << Value << metric << Key << "type" << Value << metric << Key
         << "value" << Value << number_text(value) << EndMap;
  yaml << EndSeq << EndMap << EndSeq << EndMap << EndSeq;
}

}  // namespace

std::string task_of(const std::string& architecture, const std::string& model_type) {
  static const std::pair<const char*, const char*> kTasks[] = {
      {"ForSequenceClassification", "text-classification"},
      {"ForTokenClassification", "token-classification"},
      {"ForDocumentQuestionAnswering", "document-question-answering"},
      {"ForQuestionAnswering", "question-answering"},
      {"ForMaskedLM", "fill-mask"},
      {"ForCausalLM", "text-generation"},
      {"LMHeadModel", "text-generation"},
      {"ForImageClassification", "image-classification"},
      {"ForObjectDetection", "object-detection"},
      {"ForSemanticSegmentation", "image-segmentation"},
      {"ForUniversalSegmentation", "image-segmentation"},
      {"ForAudioClassification", "audio-classification"},
      {"ForCTC", "automatic-speech-recognition"},
      {"ForSpeechSeq2Seq", "automatic-speech-recognition"},
      {"MarianMTModel", "translation"}};
  for (const auto& [end, task] : kTasks)
    if (architecture.ends_with(end)) return task;
  if (!architecture.ends_with("ForConditionalGeneration")) return "";
  if (model_type == "whisper") return "automatic-speech-recognition";
  for (const char* sees : {"idefics", "llava", "qwen2_vl", "qwen2_5_vl", "qwen3_vl", "smolvlm"})
    if (model_type.starts_with(sees)) return "image-text-to-text";
  return model_type.starts_with("blip") ? "image-to-text" : "text2text-generation";
}

std::string architecture_of(const fs::path& folder) {
  const Json config = read_object(folder / "config.json");
  const auto found = config.find("architectures");
  return found != config.end() && found->is_array() && !found->empty() && (*found)[0].is_string()
             ? (*found)[0].get<std::string>()
             : "";
}

std::string make_model_card(const fs::path& folder, const std::string& name) {
  const Json config = read_object(folder / "config.json"),
             adapter = read_object(folder / "adapter_config.json");
  const std::string architecture = architecture_of(folder),
                    model_type = config.value("model_type", "");
  const std::string task = task_of(architecture, model_type);
  std::string base =
      adapter.contains("base_model_name_or_path") && adapter["base_model_name_or_path"].is_string()
          ? adapter["base_model_name_or_path"].get<std::string>()
          : "";
  if (base.empty() && config.contains("_name_or_path") && config["_name_or_path"].is_string())
    base = config["_name_or_path"];
  if (!is_repo_id(base) || base.find('/') == base.npos) base.clear();
  const auto metrics = metrics_of(folder);

  using namespace YAML;
  Emitter yaml;
  yaml << BeginMap << Key << "library_name" << Value << (adapter.empty() ? "transformers" : "peft");
  if (!task.empty()) yaml << Key << "pipeline_tag" << Value << task;
  if (!base.empty()) yaml << Key << "base_model" << Value << base;
  yaml << Key << "tags" << Value << BeginSeq << "hft";
  if (!model_type.empty()) yaml << model_type;
  yaml << EndSeq;
  if (!metrics.empty()) write_metrics(yaml, name, task, metrics);
  yaml << EndMap;

  std::string text = "---\n" + std::string(yaml.c_str()) + "\n---\n\n# " + name + "\n\n";
  if (!architecture.empty()) text += "Architecture: " + architecture + ".\n";
  if (!base.empty()) text += "Made from [" + base + "](https://huggingface.co/" + base + ").\n";
  if (!metrics.empty()) {
    text += "\n## Results\n\n| metric | value |\n|---|---|\n";
    for (const auto& [metric, value] : metrics)
      text += "| " + metric + " | " + number_text(value) + " |\n";
  }
  return text + "\n## Intended use and limits\n\nNot described yet.\n";
}

}  // namespace hft::hub
