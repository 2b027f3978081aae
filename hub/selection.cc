#include "hub/selection.h"

#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/sorted_json.h"
#include "core/base/text.h"
#include "hub/names.h"

namespace hft::hub {
namespace {

constexpr std::array kOptional{"config.json",
                               "generation_config.json",
                               "tokenizer.json",
                               "tokenizer_config.json",
                               "special_tokens_map.json",
                               "added_tokens.json",
                               "chat_template.jinja",
                               "chat_template.json",
                               "preprocessor_config.json",
                               "processor_config.json",
                               "adapter_config.json",
                               "model.safetensors",
                               "model.safetensors.index.json",
                               "modules.json",
                               "sentence_bert_config.json",
                               "config_sentence_transformers.json"};

// Names that settings and tokenizers have, beside those above.
constexpr std::array kMore{"vocab.txt",
                           "vocab.json",
                           "merges.txt",
                           "normalizer.json",
                           "bpe.codes",
                           "dict.txt",
                           "sentence_roberta_config.json",
                           "sentence_distilbert_config.json",
                           "sentence_camembert_config.json",
                           "sentence_albert_config.json",
                           "sentence_xlm-roberta_config.json",
                           "sentence_xlnet_config.json",
                           "sentencepiece.model",
                           "video_preprocessor_config.json",
                           "audio_tokenizer_config.json",
                           "LICENSE",
                           "LICENSE.txt",
                           "LICENSE.md",
                           "README.md"};
constexpr std::array kTokenizerEnds{".spm", ".model", ".tiktoken"};

bool is_setting(const std::string& name) {
  const auto is = [&](const char* other) { return name == other; };
  const auto ends = [&](const char* end) { return name.ends_with(end) && name.size() < 64; };
  return std::any_of(kOptional.begin(), kOptional.end(), is)
             ? !name.ends_with(".safetensors") && !name.ends_with("index.json")
             : std::any_of(kMore.begin(), kMore.end(), is) ||
                   std::any_of(kTokenizerEnds.begin(), kTokenizerEnds.end(), ends);
}

// Folders of sentence-transformers ("1_Pooling") and of further chat templates.
bool is_module_file(const std::string& folder, const std::string& name) {
  if (folder == "additional_chat_templates") return name.ends_with(".jinja");
  const auto bar = folder.find('_');
  return bar != std::string::npos && bar > 0 &&
         std::all_of(folder.begin(), folder.begin() + static_cast<std::ptrdiff_t>(bar), ::isdigit);
}

struct Weights {
  std::string file, index;
};

// The names of a model's weights in the order of preference.
std::vector<Weights> kinds_of_weights(const std::string& variant) {
  const std::string part = variant.empty() ? "" : "." + variant;
  return {{"model" + part + ".safetensors", "model.safetensors.index" + part + ".json"},
          {"pytorch_model" + part + ".bin", "pytorch_model.bin.index" + part + ".json"}};
}

void add_weights(ModelFiles& out, const std::set<std::string>& there, const std::string& lead,
                 const std::string& variant) {
  for (const auto& kind : kinds_of_weights(variant)) {
    if (there.contains(lead + kind.file)) return out.names.push_back(lead + kind.file);
    if (!there.contains(lead + kind.index)) continue;
    out.index = lead + kind.index;
    return out.names.push_back(out.index);
  }
}

// The first of several names that is there.
void add_first(ModelFiles& out, const std::set<std::string>& there,
               const std::vector<std::string>& names) {
  const auto found = std::find_if(names.begin(), names.end(),
                                  [&](const auto& name) { return there.contains(name); });
  if (found != names.end()) out.names.push_back(*found);
}

bool matches(const std::vector<std::string>& patterns, const std::string& name) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& p) {
    return ::fnmatch((p.ends_with('/') ? p + "*" : p).c_str(), name.c_str(), FNM_NOESCAPE) == 0;
  });
}

}  // namespace

std::span<const char* const> optional_names() { return kOptional; }

ModelFiles files_of_model(const Tree& tree, const std::string& subfolder,
                          const std::string& variant, bool weights) {
  const std::string lead = subfolder.empty() ? "" : subfolder + "/";
  ModelFiles out;
  std::set<std::string> there, modules;
  for (const RepoFile& file : tree.files) {
    there.insert(file.name);
    if (file.name == "README.md" && !lead.empty()) out.names.push_back(file.name);
    if (!file.name.starts_with(lead)) continue;
    const std::string name = file.name.substr(lead.size());
    const auto slash = name.find('/');
    if (slash == name.npos ? is_setting(name) : is_module_file(name.substr(0, slash), name)) {
      const bool tensors = name.ends_with(".safetensors") || name.ends_with(".bin");
      if (tensors)
        modules.insert(lead + name.substr(0, slash + 1));
      else if (slash == name.npos || name.ends_with(".json") || name.ends_with(".txt") ||
               name.ends_with(".jinja") || name.ends_with(".model"))
        out.names.push_back(file.name);
    }
  }
  // What every repository may have says nothing of a tokenizer.
  const auto says_nothing = [](const std::string& name) {
    return name.find("README") != name.npos || name.find("LICENSE") != name.npos ||
           name.ends_with("config.json");
  };
  out.whole = !std::all_of(out.names.begin(), out.names.end(), says_nothing);
  if (!weights) return out;
  const std::size_t settings = out.names.size();
  add_weights(out, there, lead, variant);
  out.whole = out.names.size() > settings;
  add_first(out, there, {lead + "adapter_model.safetensors", lead + "adapter_model.bin"});
  for (const auto& folder : modules)
    add_first(out, there, {folder + "model.safetensors", folder + "pytorch_model.bin"});
  return out;
}

std::vector<std::string> shards_of(const std::string& index_name, std::string_view index_text,
                                   const Tree& tree) {
  const auto slash = index_name.rfind('/');
  const std::string lead = slash == index_name.npos ? "" : index_name.substr(0, slash + 1);
  const std::string end =
      index_name.find(".safetensors.") != index_name.npos ? ".safetensors" : ".bin";
  // Sorted JSON: an index may have very many members.
  const auto json = parse_sorted_json(index_text, index_name);
  const auto map = json.find("weight_map");
  if (map == json.end() || !map->is_object())
    fail(Errc::kBadData, index_name, ": 'weight_map' is missing, wanted an object");
  std::set<std::string> shards;
  for (const auto& [tensor, shard] : map->items()) {
    const std::string name = shard.is_string() ? shard.get<std::string>() : "";
    with_context(index_name + ": weight_map", [&] { check_file_name(name); });
    if (name.find('/') != name.npos || !name.ends_with(end))
      fail(Errc::kBadData, index_name, ": weight_map: '", name, "' is not the plain name of a ",
           end, " file");
    shards.insert(lead + name);
  }
  for (const auto& name : shards)
    if (!tree.find(name))
      fail(Errc::kNotFound, index_name, ": names ", name, ", which the repository does not have");
  return {shards.begin(), shards.end()};
}

bool is_chosen(const std::string& name, const std::vector<std::string>& include,
               const std::vector<std::string>& exclude) {
  return (include.empty() || matches(include, name)) && !matches(exclude, name);
}

std::vector<std::string> files_matching(const Tree& tree, const std::vector<std::string>& names,
                                        const std::vector<std::string>& include,
                                        const std::vector<std::string>& exclude) {
  std::vector<std::string> all, out;
  for (const RepoFile& file : tree.files) all.push_back(file.name);
  for (const auto& name : names) {
    if (std::find(all.begin(), all.end(), name) != all.end()) continue;
    check_file_name(name);
    const auto near = nearest(name, all);
    fail(Errc::kNotFound, name, ": no such file", near ? "; closest: '" + *near + "'" : "");
  }
  if (!names.empty()) return names;
  const auto wanted = [&](const std::string& name) { return is_chosen(name, include, exclude); };
  std::copy_if(all.begin(), all.end(), std::back_inserter(out), wanted);
  for (const auto& name : tree.odd_names) {
    if (!wanted(name)) continue;
    if (leads_out(name)) check_file_name(name);
    note("left out: the file name " + shown(name) + ": " + file_name_fault(name));
  }
  if (out.empty() && !all.empty())
    fail(Errc::kNotFound, "no file matches: the repository has ",
         counted(static_cast<std::int64_t>(all.size()), "file"));
  return out;
}

}  // namespace hft::hub
