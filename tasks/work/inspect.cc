// hft inspect: what a model holds; of one on the Hub too only headers are read. LibTorch is loaded for
// nothing but the list of what it is there for.
#include <algorithm>
#include <cstdio>
#include <map>
#include <set>

#include "core/base/files.h"
#include "core/base/text.h"
#include "core/base/write_target.h"
#include "core/checkpoint/config.h"
#include "core/checkpoint/safetensors.h"
#include "core/engine.h"
#include "hub/card.h"
#include "hub/names.h"
#include "hub/settings.h"
#include "hub/sketch.h"
#include "tasks/commands.h"
#include "tasks/run/model_options.h"

namespace hft {
namespace {

struct InspectOptions {
  ModelOptions model;
  bool json = false, tensors = false;
};

// About what the weights take: those of products are stored in the precision, 4 bits with a scale
// of 32 bits for 64 of them, the others of 4 and 8 bits in 16.
Json weights_memory(const StoredTensors& tensors) {
  double numbers = 0, products = 0, other = 0;
  for (const auto& [name, tensor] : tensors) {
    const bool real = name_of(tensor.dtype).starts_with("F") || tensor.dtype == Dtype::kBF16;
    const auto count = static_cast<double>(tensor.count());
    if (!real) {
      other += count * static_cast<double>(bytes_of(tensor.dtype));
      continue;
    }
    numbers += count;
    const bool looked_up = name.find("embed") != name.npos || name.find("lm_head") != name.npos ||
                           name.find("wte") != name.npos || name.find("wpe") != name.npos;
    if (tensor.shape.size() == 2 && !looked_up) products += count;
  }
  const auto bytes = [&](double of_products, double of_others) {
    return static_cast<std::int64_t>(other + products * of_products + (numbers - products) * of_others);
  };
  return {{"float32", bytes(4, 4)},
          {"bfloat16", bytes(2, 2)},
          {"float16", bytes(2, 2)},
          {"8bit", bytes(1, 2)},
          {"4bit", bytes(0.5 + 4.0 / 64, 2)}};
}

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
           {"memory", weights_memory(tensors)},
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

// The commands that take a model of that type.
Json commands_for(const std::string& model_type) {
  for (const Support& row : engine().supported_models())
    if (row.model_type == model_type) return row.tasks;
  return Json::array();
}

Json summary_from_hub(const ModelOptions& model, bool list_tensors) {
  const ScratchFolder scratch("hft-inspect");
  const hub::RepoInfo info = hub::sketch_model(
      {model.model, model.revision, model.subfolder, model.variant}, scratch.path());
  if (!model.require_license.empty())
    with_context(model.model, [&] {
      hub::require_licence(hub::read_card(scratch.path()), model.require_license);
    });
  Json out = with_context(model.model, [&] {
    return summary_of(scratch.path(), model.variant, list_tensors);
  });
  out.erase("folder");
  Json whole{{"id", info.id}, {"commit", info.commit}};
  whole.update(out);
  if (out["license"] == "not stated" && !info.licences.empty())
    whole["license"] = joined(info.licences, ", ");
  whole["gated"] = info.gated.empty() ? Json(false) : Json(info.gated);
  whole["commands"] = commands_for(out["model_type"]);
  return whole;
}

// Not in a folder and not in the cache: without its weights, from the Hub.
Json inspected(const InspectOptions& o) {
  ModelOptions there = o.model;
  const bool is_id = !fs::exists(there.model) && hub::is_repo_id(there.model);
  if (is_id && !there.local_files_only && !hub::offline()) {
    there.local_files_only = true;
    try {
      return summary_of(model_folder(there, ""), there.variant, o.tensors);
    } catch (const Error& e) {
      if (e.code != Errc::kNotFound) throw;
    }
    return summary_from_hub(o.model, o.tensors);
  }
  return summary_of(model_folder(o.model, "sentence-transformers/all-MiniLM-L6-v2"),
                    o.model.variant, o.tensors);
}

// For people: bytes as such.
std::string shown_field(const std::string& key, const Json& value) {
  if (key == "bytes") return human_bytes(value.get<std::int64_t>());
  if (key != "memory") return value.is_string() ? value.get<std::string>() : to_line(value);
  std::vector<std::string> parts;
  for (const auto& [name, bytes] : value.items())
    parts.push_back(name + " " + human_bytes(bytes.get<std::int64_t>()));
  return joined(parts, ", ");
}

int run_inspect(const InspectOptions& o) {
  const Json out = inspected(o);
  if (o.json) {
    std::printf("%s\n", to_line(out).c_str());
    return 0;
  }
  for (const auto& [key, value] : out.items()) {
    if (key == "tensor_list") continue;
    std::printf("%-24s %s\n", key.c_str(), escape_controls(shown_field(key, value)).c_str());
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
      "Examples:\n"
      "  hft inspect models/all-MiniLM-L6-v2\n"
      "  hft inspect -m DIR --tensors --json\n"
      "  hft inspect openai-community/gpt2\n\n"
      "Of a model on the Hub that the cache lacks, no weights are fetched: the headers of its\n"
      "safetensors files say how many there are.");
  flags.add("MODEL", o->model.model, "Model: a folder, or its id on the Hub");
  flags.add("--tensors", o->tensors, "List every tensor");
  flags.add("--json", o->json, "As one JSON object");
  add_source_options(flags, o->model);
  add_variant_option(flags, o->model);
  return [o] { return run_inspect(*o); };
}

}  // namespace

extern const Command inspect_command{"inspect", "Work", "Show what a model holds, on disk or on the Hub",
                                     declare_inspect};

}  // namespace hft
