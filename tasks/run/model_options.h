// The options every command with a model shares, and how they lead to a folder and a loaded model.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "core/models/heads/model.h"
#include "tasks/run/flags.h"

namespace hft {

struct ModelOptions {
  std::string model;  // id on the Hub or folder; "" = the task's default
  std::string revision = "main";
  std::string subfolder, variant, cache_dir;
  std::vector<std::string> require_license;
  std::vector<std::string> adapters;  // ids or folders of LoRA adapters
  std::vector<std::string> adapter_weights;  // of them in turn, as given; none: all 1
  bool local_files_only = false;
  bool trust_remote_code = false;
  std::string dtype = "auto", quantize = "none", device = "auto";
  std::string device_map, max_memory;  // as given: names, JSON or files of it
  std::string attention = "auto";
  std::string compile;  // a mode; "": not asked for
  bool dry_run = false;
  bool load_in_4bit = false, load_in_8bit = false, double_quant = false;
  std::string four_bits = "nf4", compute_dtype = "float32";
  int threads = 0;
  std::string batch_size = "auto";
  bool allow_random_head = false;
  bool truncate = true;
  bool deterministic = false;  // encoders are so always
};

// Which files and how to run; the first three alone for commands that compute nothing.
void add_source_options(Flags& flags, ModelOptions& options);
void add_variant_option(Flags& flags, ModelOptions& options);
Flag add_dtype_option(Flags& flags, ModelOptions& options, const std::string& about);
void add_adapter_options(Flags& flags, ModelOptions& options);
void add_bits_options(Flags& flags, ModelOptions& options);  // 4 and 8 bits of bitsandbytes
void add_device_options(Flags& flags, ModelOptions& options);  // --device, --threads
void add_model_options(Flags& flags, ModelOptions& options);

// The folder of -m, or of the task's default model, which is named on stderr. A folder on disk
// wins over an id, whose files are fetched as far as the cache lacks them. kNotFound when it is
// neither here nor on the Hub; kUnsupported for a licence that --require-license does not allow.
// Of an adapter without weights of its own it is the base model's folder, as in the pipelines.
enum class ModelParts { kAll, kTokenizer };
std::filesystem::path model_folder(const ModelOptions& options, const std::string& default_model,
                                   ModelParts parts = ModelParts::kAll);

// The adapters to merge: -m itself where it is one, then those of --adapter with their weights.
std::vector<WeightedAdapter> adapters_of(const ModelOptions& options);

// ModelRequest::quantize as the options say. kUsage for more than one way.
std::string way_to_quantize(const ModelOptions& options);

ModelRequest model_request(const ModelOptions& options, std::filesystem::path folder, Head head);

// Said where rotary positions take texts further than the model has seen.
std::string further_note(std::int64_t trained);

// Sequences per batch; 0 = as many as fit the engine's token budget.
std::int64_t batch_size(const ModelOptions& options);

}  // namespace hft
