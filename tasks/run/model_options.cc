#include "tasks/run/model_options.h"

#include <map>

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/limits.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "core/checkpoint/adapter.h"
#include "core/checkpoint/embedded.h"
#include "core/checkpoint/other_formats.h"
#include "core/checkpoint/safetensors.h"
#include "core/placement/memory.h"
#include "hub/card.h"
#include "hub/names.h"
#include "hub/repo_hint.h"
#include "hub/snapshot.h"
#include "tasks/run/dry_run.h"
#include "tasks/run/list_option.h"
#include "tasks/run/task_names.h"

namespace hft {

void add_source_options(Flags& flags, ModelOptions& o) {
  flags
      .add("-m,--model", o.model,
           "Model: a folder, its id on the Hub, or one that comes with hft (hft/NAME)")
      .metavar("ID|DIR")
      .group("Model");
  flags.add("--revision", o.revision, "Branch, tag or commit")
      .metavar("REV")
      .show_default()
      .group("Model");
  flags.add("--subfolder", o.subfolder, "Folder of the model inside its repository")
      .metavar("DIR")
      .group("Model");
  flags.add("--cache-dir", o.cache_dir, "Use this cache instead of HF_HUB_CACHE")
      .metavar("DIR")
      .group("Model");
  add_list_option(flags, "--require-license", o.require_license,
                  "Refuse a model whose card names another licence (exit 6)")
      .metavar("L,…")
      .group("Model");
  flags.add("--local-files-only", o.local_files_only, "Use no network").group("Model");
}

void add_variant_option(Flags& flags, ModelOptions& o) {
  flags.add("--variant", o.variant, "Weights named model.VARIANT.safetensors")
      .metavar("VARIANT")
      .group("Model");
}

void add_adapter_options(Flags& flags, ModelOptions& o) {
  add_list_option(flags, "--adapter", o.adapters,
                  "LoRA adapter of PEFT to merge into the model; ID/NAME: the folder NAME of a "
                  "repository; may be repeated",
                  ListForm::kTexts)
      .metavar("ID|DIR")
      .group("Model");
  add_list_option(flags, "--adapter-weights", o.adapter_weights,
                  "What each --adapter counts, as weights of add_weighted_adapter; else 1 each")
      .metavar("X,…")
      .group("Model");
}

Flag add_dtype_option(Flags& flags, ModelOptions& o, const std::string& about) {
  std::vector<std::string> names{"auto"};
  for (const auto& [name, type] : kFloatTypes) names.push_back(name);
  return flags.add("--dtype", o.dtype, about).one_of(names).show_default();
}

void add_bits_options(Flags& flags, ModelOptions& o) {
  flags
      .add("--load-in-4bit", o.load_in_4bit,
           "Quantise the weights of products to 4 bits, as bitsandbytes does")
      .group("Model");
  flags.add("--load-in-8bit", o.load_in_8bit, "The same to 8 bits, by LLM.int8()")
      .group("Model");
  flags.add("--bnb-4bit-quant-type", o.four_bits, "The values that 4 bits stand for")
      .one_of({"nf4", "fp4"})
      .show_default()
      .group("Model");
  flags
      .add("--bnb-4bit-use-double-quant", o.double_quant,
           "Quantise the scales of 4 bits to 8 bits each")
      .group("Model");
  flags
      .add("--bnb-4bit-compute-dtype", o.compute_dtype,
           "Accepted: products of 4 bits are summed in float32 whatever it says")
      .one_of({"float32", "bfloat16", "float16"})
      .show_default()
      .group("Model");
}

void add_device_options(Flags& flags, ModelOptions& o) {
  flags.add("--device", o.device, "auto, cpu, cuda or cuda:N")
      .metavar("DEVICE")
      .show_default()
      .group("Model");
  flags.add("--threads", o.threads, "Threads to compute with (0: every core)")
      .metavar("N")
      .range(0, 4096)
      .show_default()
      .group("Model");
}

namespace {

void add_placement_options(Flags& flags, ModelOptions& o) {
  flags
      .add("--device-map", o.device_map,
           "Where which modules lie: a rule, a device for all, or modules and their devices as JSON "
           "({\"model.layers.0\": 0, \"\": \"cpu\"})")
      .metavar("auto|balanced|balanced_low_0|sequential|DEVICE|JSON|FILE")
      .group("Model");
  flags
      .add("--max-memory", o.max_memory,
           "What a rule may give each device: 0=10GiB,cpu=30GiB, or JSON; what is left over is read "
           "from the disk")
      .metavar("SIZES|JSON|FILE")
      .group("Model");
  add_dry_run_option(flags, o);
}

}  // namespace

void add_model_options(Flags& flags, ModelOptions& o) {
  add_source_options(flags, o);
  add_adapter_options(flags, o);
  add_variant_option(flags, o);
  flags
      .add("--trust-remote-code", o.trust_remote_code,
           "Accepted for old scripts: hft never runs a repository's code")
      .group("Model");
  flags
      .add("--attn-implementation", o.attention,
           "eager and sdpa are one computation here; flash_attention_2 wants a GPU and 16 bits, else "
           "sdpa computes")
      .one_of({"auto", "eager", "sdpa", "flash_attention_2"})
      .show_default()
      .group("Model");
  flags
      .add_mode("--compile", o.compile,
                {"default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs"},
                "Accepted: the kernels of this program are compiled and fused as they are")
      .group("Model");
  add_dtype_option(flags, o, "Compute in this type; auto: the config's, else the checkpoint's")
      .group("Model");
  flags
      .add("--quantize", o.quantize,
           "dynamic: compute with weights of 8 bits, made when the model is loaded; faster on the "
           "CPU, and a little less exact")
      .one_of({"none", "dynamic"})
      .show_default()
      .group("Model");
  add_bits_options(flags, o);
  add_device_options(flags, o);
  add_placement_options(flags, o);
  flags.add("--batch-size", o.batch_size, "Inputs computed together, or auto")
      .metavar("N|auto")
      .show_default()
      .group("Model");
  flags
      .add("--deterministic", o.deterministic,
           "What is written depends on no other input, to the last bit, which takes longer "
           "(commands that only read are so always)")
      .group("Model");
  flags
      .add("--allow-random-head", o.allow_random_head,
           "Run although the checkpoint lacks this head's weights")
      .group("Model");
  flags
      .add(
          "--no-truncation", [&o] { o.truncate = false; },
          "An input longer than the model takes is an error")
      .group("Model");
}

namespace {

// A repository, or an adapter's base, as it is asked for.
struct Wanted {
  std::string flag, model, revision = "main", subfolder{}, variant{};
  auto operator<=>(const Wanted&) const = default;
};

fs::path from_hub(const ModelOptions& o, const Wanted& wanted, ModelParts parts) {
  const std::string named = wanted.flag + " " + wanted.model;
  if (!hub::is_repo_id(wanted.model)) {
    const std::string meant = hub::meant_repository(wanted.model);
    fail_hint(Errc::kNotFound, meant.empty() ? "" : "give " + wanted.flag + " " + meant, named,
              ": no such folder, and not a model id (name or org/name)");
  }
  hub::SnapshotRequest request;
  request.repo_id = wanted.model;
  request.revision = wanted.revision;
  request.cache_dir = o.cache_dir;
  request.local_files_only = o.local_files_only;
  request.licences = o.require_license;
  try {
    return hub::fetch_model(request, wanted.subfolder, wanted.variant, parts == ModelParts::kAll)
        .folder;
  } catch (const Error& e) {
    // It may have been meant as a folder.
    if (e.code == Errc::kNotFound || e.code == Errc::kNotAuthorised)
      throw e.in(named + ": no such folder; as a model's id");
    throw;
  }
}

fs::path locate(const ModelOptions& o, const Wanted& wanted, ModelParts parts = ModelParts::kAll) {
  static std::map<Wanted, fs::path> fetched;  // a branch is asked for once
  const std::string& model = wanted.model;
  fs::path folder = model;
  if (fs::is_regular_file(folder)) {
    const std::string name = folder.filename().string();
    with_context(wanted.flag + " " + model, [&] { reject_other_formats({&name, 1}); });
    fail(Errc::kUsage, wanted.flag, " ", model, ": is a file, wanted the model's folder or its id");
  }
  if (!fs::is_directory(folder) && is_embedded_name(model))
    folder = with_context(wanted.flag + " " + model, [&] { return embedded_folder(model); });
  if (!fs::is_directory(folder)) {
    fs::path& known = fetched[wanted];
    if (known.empty()) known = from_hub(o, wanted, parts);
    folder = known;
  } else if (!o.require_license.empty()) {
    with_context(model, [&] { hub::require_licence(hub::read_card(folder), o.require_license); });
  }
  if (!wanted.subfolder.empty()) folder /= wanted.subfolder;
  if (!fs::is_directory(folder)) fail(Errc::kNotFound, folder.string(), ": no such folder");
  return folder;
}

Wanted own_model(const ModelOptions& o) {
  return {"-m", o.model, o.revision, o.subfolder, o.variant};
}

// The model that an adapter changes: its own folder, where that is a whole model, else the one that
// its settings name.
fs::path base_of(const ModelOptions& o, const fs::path& adapter, ModelParts parts) {
  if (fs::exists(adapter / "config.json") && has_checkpoint(adapter, o.variant)) return adapter;
  const Fields config = read_adapter_config(adapter);
  const std::string base = config.text("base_model_name_or_path", "");
  if (base.empty())
    fail_hint(Errc::kBadData, "name the model: -m MODEL --adapter " + adapter.string(),
              config.where(), ": names no base model");
  detail("adapter " + adapter.string() + ": base model " + base);
  try {
    return locate(o, {"base_model_name_or_path", base, config.text("revision", "main")}, parts);
  } catch (const Error& e) {
    if (e.code != Errc::kNotFound && e.code != Errc::kNotAuthorised) throw e.in(config.where());
    // Without its model an adapter is none that could be run.
    fail_hint(Errc::kUnsupported, "name the model: -m MODEL --adapter " + adapter.string(),
              config.where(), ": is an adapter of ", base, ", which is not at hand: ", e.message);
  }
}

// "hft/austen (generate), …"
std::string embedded_models_by_command() {
  std::vector<std::string> shown;
  for (const std::string& name : embedded_models())
    shown.push_back(name + " (" + command_of_folder(embedded_folder(name)) + ")");
  return joined(shown, ", ");
}

// The task's default model; where the Hub cannot be reached, there are hft's own.
fs::path default_folder(const ModelOptions& o, const Wanted& wanted, ModelParts parts) {
  try {
    return locate(o, wanted, parts);
  } catch (Error& e) {
    const std::string own = embedded_models_by_command();
    if ((e.code != Errc::kNetwork && e.code != Errc::kNotFound) || own.empty()) throw;
    e.hint += (e.hint.empty() ? "" : "; ") + ("no network is needed for -m " + own);
    throw;
  }
}

}  // namespace

fs::path model_folder(const ModelOptions& o, const std::string& default_model, ModelParts parts) {
  Wanted wanted = own_model(o);
  const bool is_default = wanted.model.empty();
  if (is_default) {
    wanted.model = default_model;
    note("no model given, using " + wanted.model + " (choose one with -m)");
  }
  if (o.dry_run) parts = ModelParts::kTokenizer;
  const fs::path folder =
      is_default ? default_folder(o, wanted, parts) : locate(o, wanted, parts);
  return has_adapter(folder) ? base_of(o, folder, parts) : folder;
}

namespace {

// A folder, an id, or a folder of a repository: org/name/folder, where PEFT saves adapters by name.
Wanted adapter_called(const std::string& name) {
  const auto second = name.find('/', name.find('/') + 1);
  if (second == name.npos || fs::is_directory(name) || !hub::is_repo_id(name.substr(0, second)))
    return {"--adapter", name};
  return {"--adapter", name.substr(0, second), "main", name.substr(second + 1)};
}

}  // namespace

std::vector<WeightedAdapter> adapters_of(const ModelOptions& o) {
  const Json weights = number_list("--adapter-weights", o.adapter_weights, false);
  if (!weights.empty() && weights.size() != o.adapters.size())
    fail(Errc::kUsage, "--adapter-weights: has ", counted(std::ssize(weights), "number"), ", wanted one for each of ",
         counted(std::ssize(o.adapters), "adapter"));
  std::vector<WeightedAdapter> adapters;
  if (!o.model.empty())
    if (const fs::path own = locate(o, own_model(o)); has_adapter(own)) adapters.push_back({own});
  for (std::size_t i = 0; i < o.adapters.size(); ++i) {
    const std::string& name = o.adapters[i];
    adapters.push_back({locate(o, adapter_called(name)),
                        weights.empty() ? 1 : weights[i].get<double>()});
    if (!has_adapter(adapters.back().folder))
      fail(Errc::kNotFound, "--adapter ", name, ": no adapter_config.json");
  }
  return adapters;
}

std::string way_to_quantize(const ModelOptions& o) {
  if (o.load_in_4bit + o.load_in_8bit + (o.quantize != "none") > 1)
    fail(Errc::kUsage, "--load-in-4bit, --load-in-8bit and --quantize: wanted one of them");
  return o.load_in_4bit ? o.four_bits : o.load_in_8bit ? "int8" : o.quantize;
}

namespace {

// A map or sizes as ModelRequest has them: what a file says, where one is named.
std::string or_file(const std::string& text) {
  std::error_code ignored;
  return !is_map_object(text) && fs::is_regular_file(text, ignored)
             ? trimmed(read_file(text, limits::kJsonBytes))
             : text;
}

void set_placement(const ModelOptions& o, ModelRequest& request) {
  request.device_map = or_file(o.device_map);
  request.max_memory = or_file(o.max_memory);
  const std::string& map = request.device_map;
  if (!map.empty() && o.device != "auto")
    fail(Errc::kUsage, "--device and --device-map: wanted one of them");
  memories_of(request.max_memory);
  if (is_map_object(map))
    map_of(map);
  else if (!map.empty() && !is_inferred_map(map))
    device_name("--device-map", map);
}

}  // namespace

ModelRequest model_request(const ModelOptions& o, std::filesystem::path folder, Head head) {
  ModelRequest request;
  request.folder = std::move(folder);
  request.head = head;
  request.variant = o.variant;
  request.dtype = o.dtype;
  request.quantize = way_to_quantize(o);
  request.double_quant = o.double_quant;
  request.device = o.device;
  set_placement(o, request);
  request.attention = o.attention;
  request.trust_remote_code = o.trust_remote_code;
  request.threads = o.threads;
  request.allow_random_head = o.allow_random_head;
  request.adapters = adapters_of(o);
  request.deterministic = o.deterministic;
  if (!o.compile.empty())
    note("--compile: not available here: the kernels are compiled and fused already");
  return request;
}

std::string further_note(std::int64_t trained) {
  return "texts may go on past the " + std::to_string(trained) + " tokens the model was made for";
}

std::int64_t batch_size(const ModelOptions& o) {
  if (o.batch_size == "auto") return 0;
  char* end = nullptr;
  const long n = std::strtol(o.batch_size.c_str(), &end, 10);
  if (*end || n < 1 || n > 1'000'000)
    fail(Errc::kUsage, "--batch-size: '", o.batch_size,
         "' is neither auto nor a number from 1 to 1000000");
  return n;
}

}  // namespace hft
