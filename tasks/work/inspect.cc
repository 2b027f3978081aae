// hft inspect: what a model folder holds; reads headers only, and never loads LibTorch.
#include <algorithm>
#include <cstdio>
#include <map>
#include <set>

#include "core/base/files.h"
#include "core/base/text.h"
#include "core/checkpoint/config.h"
#include "core/checkpoint/safetensors.h"
#include "hub/card.h"
#include "tasks/commands.h"
#include "tasks/run/model_options.h"

namespace hft {
namespace {

struct InspectOptions {
  ModelOptions model;
  bool json = false, tensors = false;
};

Json summary_of(const fs::path& folder, const std::string& variant, bool list_tensors) {
  const Fields config = read_config_file(folder);
  const StoredTensors tensors = open_checkpoint(folder, variant, Checksums::kPickle);
  std::map<std::string, std::int64_t> by_dtype;
  std::int64_t parameters = 0, bytes = 0;
  std::set<std::pair<const std::byte*, std::size_t>> seen;
  for (const auto& [name, tensor] : tensors) {
    // Tied tensors of pytorch_model.bin are one.
    if (!tensor.bytes.empty() && !seen.emplace(tensor.bytes.data(), tensor.bytes.size()).second)
      continue;
    by_dtype[std::string(name_of(tensor.dtype))] += tensor.count();
    parameters += tensor.count();
    bytes += static_cast<std::int64_t>(tensor.bytes.size());
  }
  Json out{{"folder", folder.string()},
           {"model_type", config.text("model_type", "")},
           {"architectures", config.json().value("architectures", Json::array())},
           {"tensors", tensors.size()},
           {"parameters", parameters},
           {"bytes", bytes},
           {"dtypes", by_dtype}};
  const hub::Card card = hub::read_card(folder);
  out["license"] = hub::licence_text(card);
  if (!card.licence_link.empty()) out["license_link"] = card.licence_link;
  out["gated"] = card.gated;
  for (const char* field :
       {"hidden_size", "dim", "num_hidden_layers", "n_layers", "num_attention_heads", "n_heads",
        "vocab_size", "max_position_embeddings"})
    if (config.has(field)) out[field] = *config.find(field);
  if (config.has("id2label")) out["labels"] = labels_of(config);
  if (list_tensors)
    for (const auto& [name, tensor] : tensors)
      out["tensor_list"].push_back(
          {{"name", name}, {"shape", tensor.shape}, {"dtype", name_of(tensor.dtype)}});
  return out;
}

int run_inspect(const InspectOptions& o) {
  const Json out = summary_of(model_folder(o.model, "sentence-transformers/all-MiniLM-L6-v2"),
                              o.model.variant, o.tensors);
  if (o.json) {
    std::printf("%s\n", to_line(out).c_str());
    return 0;
  }
  for (const auto& [key, value] : out.items()) {
    if (key == "tensor_list") continue;
    const std::string text = value.is_string() ? value.get<std::string>() : to_line(value);
    std::printf("%-24s %s\n", key.c_str(), escape_controls(text).c_str());
  }
  if (out.contains("tensor_list"))
    for (const Json& t : out["tensor_list"])
      std::printf("  %-5s %-18s %s\n", t["dtype"].get<std::string>().c_str(),
                  to_line(t["shape"]).c_str(),
                  escape_controls(t["name"].get<std::string>()).c_str());
  return 0;
}

std::function<int()> declare_inspect(Flags& flags) {
  auto o = std::make_shared<InspectOptions>();
  flags.footer(
      "Examples:\n  hft inspect models/all-MiniLM-L6-v2\n  hft inspect -m DIR --tensors --json");
  flags.add("MODEL", o->model.model, "Model: a folder, or its id on the Hub");
  flags.add("--tensors", o->tensors, "List every tensor");
  flags.add("--json", o->json, "As one JSON object");
  add_source_options(flags, o->model);
  add_variant_option(flags, o->model);
  return [o] { return run_inspect(*o); };
}

}  // namespace

extern const Command inspect_command{"inspect", "Work", "Show what a model folder holds",
                                     declare_inspect};

}  // namespace hft
