#include "core/checkpoint/sentence_folder.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "core/base/error.h"
#include "core/base/files.h"

namespace hft {
namespace {

constexpr std::array<std::string_view, 6> kModuleKinds{"Transformer", "StaticEmbedding", "Pooling",
                                                 "Dense",       "LayerNorm",       "Normalize"};

bool reads_text(std::string_view kind) {
  return kind == "Transformer" || kind == "StaticEmbedding";
}

// A module's folder: below the model's and nowhere else.
fs::path module_folder(const fs::path& folder, const Fields& module) {
  const fs::path path = module.text("path", "");
  if (path.is_absolute() || std::ranges::count(path, fs::path("..")))
    fail(Errc::kBadData, module.where(), ": path '", path.string(),
         "' leads out of the model folder");
  return path.empty() || path == "." ? folder : folder / path;
}

std::string module_kind(const Fields& module) {
  const std::string type = module.text("type");
  if (!type.starts_with("sentence_transformers."))
    fail_hint(Errc::kUnsupported, "hft models", module.where(), ": module type '", type,
              "' is Python code from the repository; hft never runs it");
  const std::string kind = type.substr(type.rfind('.') + 1);
  if (kind == "Dropout" || std::ranges::count(kModuleKinds, kind)) return kind;
  fail(Errc::kUnsupported, module.where(), ": module type '", type,
       "' is not supported, wanted Transformer, StaticEmbedding, Pooling, Dense, LayerNorm, "
       "Normalize or Dropout");
}

std::vector<SentenceModule> read_modules(const fs::path& folder) {
  const fs::path file = folder / "modules.json";
  if (!fs::exists(file)) return {};
  const Json list = read_json(file);
  if (!list.is_array() || list.empty())
    fail(Errc::kBadData, file.string(), ": wanted a JSON array of modules");
  std::vector<SentenceModule> modules;
  for (const auto& entry : list) {
    const Fields module(entry, file.string());
    const fs::path path = module_folder(folder, module);
    SentenceModule next{module_kind(module), path};
    if (reads_text(next.kind) != modules.empty())
      fail(Errc::kBadData, file.string(), ": module ", modules.size(), " is a ", next.kind,
           ", wanted a Transformer or StaticEmbedding first and nowhere else");
    if (next.kind != "Dropout") modules.push_back(std::move(next));
  }
  return modules;
}

// The names that the reference tries, one after another.
Fields read_encoder_settings(const fs::path& folder) {
  for (const char* type :
       {"bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet"})
    if (const auto file = folder / ("sentence_" + std::string(type) + "_config.json");
        fs::exists(file))
      return optional_fields(file);
  return optional_fields(folder / "sentence_bert_config.json");
}

void need_task(const Fields& settings, const char* wanted) {
  const std::string task = settings.text("transformer_task", wanted);
  if (task != wanted)
    fail(Errc::kUnsupported, settings.where(), ": transformer_task '", task,
         "' is not supported, wanted '", wanted, "'");
}

// Of an encoder, last hidden states are what the modules after it read.
void need_hidden_states(const Fields& settings) {
  need_task(settings, "feature-extraction");
  const std::string output = settings.text("module_output_name", "token_embeddings");
  if (output != "token_embeddings")
    fail(Errc::kUnsupported, settings.where(), ": module_output_name '", output,
         "' is not supported, wanted 'token_embeddings'");
  const Fields modes = settings.object("modality_config");
  if (modes.has("message"))
    fail(Errc::kUnsupported, settings.where(),
         ": modality_config: texts that become messages of a chat are not supported");
  const std::string state = modes.object("text").text("method_output_name", "last_hidden_state");
  if (state != "last_hidden_state")
    fail(Errc::kUnsupported, settings.where(), ": method_output_name '", state,
         "' is not supported, wanted 'last_hidden_state'");
}

}  // namespace

bool SentenceFolder::strips() const {
  int major = 0, minor = 0;
  const std::string version =
      settings.object("__version__").text("sentence_transformers", "");
  return std::sscanf(version.c_str(), "%d.%d", &major, &minor) == 2 &&
         std::pair(major, minor) < std::pair(5, 4);
}

SentenceFolder read_sentence_folder(const fs::path& folder) {
  SentenceFolder out{.modules = read_modules(folder), .input = folder};
  if (out.modules.empty()) return out;
  out.settings = optional_fields(folder / "config_sentence_transformers.json");
  if (const auto type = out.settings.text("model_type", "SentenceTransformer");
      type != "SentenceTransformer")
    fail(Errc::kUnsupported, out.settings.where(), ": is a ", type,
         " model, wanted a SentenceTransformer");
  out.input = out.modules[0].folder;
  out.is_static = out.modules[0].kind == "StaticEmbedding";
  out.encoder_settings = read_encoder_settings(out.input);
  need_hidden_states(out.encoder_settings);
  return out;
}

SentenceFolder read_cross_encoder_folder(const fs::path& folder) {
  SentenceFolder out{.modules = read_modules(folder), .input = folder};
  if (out.modules.empty()) return out;
  out.input = out.modules[0].folder;
  const Fields settings = optional_fields(folder / "config_sentence_transformers.json");
  // Another kind of model lends its encoder alone.
  if (settings.text("model_type", "SentenceTransformer") != "CrossEncoder") return out;
  out.settings = settings;
  out.encoder_settings = read_encoder_settings(out.input);
  need_task(out.encoder_settings, "sequence-classification");
  if (out.modules.size() > 1)
    fail(Errc::kUnsupported, (folder / "modules.json").string(), ": a cross-encoder with a ",
         out.modules[1].kind, " module is not supported, wanted a Transformer alone");
  return out;
}

Fields optional_fields(const fs::path& file) {
  return Fields(fs::exists(file) ? read_json(file) : Json::object(), file.string());
}

}  // namespace hft
