// hft convert: a model folder written anew as safetensors, as save_pretrained writes it; loads LibTorch
// only to quantise and to merge adapters.
#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include "core/base/atomic_folder.h"
#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/log.h"
#include "core/base/progress.h"
#include "core/base/signals.h"
#include "core/base/text.h"
#include "core/checkpoint/companions.h"
#include "core/checkpoint/pretrained.h"
#include "core/engine.h"
#include "hub/cache_guard.h"
#include "tasks/commands.h"
#include "tasks/run/model_options.h"

namespace hft {
namespace {

struct ConvertOptions {
  ModelOptions model;
  std::string output, max_shard_size = "5GB";
  bool force = false;
};

// "5GB", "200MB", or a number of bytes; units of a thousand, as save_pretrained reads them.
std::int64_t parse_size(const std::string& text) {
  constexpr std::array<std::pair<std::string_view, double>, 4> kUnits{
      {{"kb", 1e3}, {"mb", 1e6}, {"gb", 1e9}, {"tb", 1e12}}};
  std::string number = lowercase(trimmed(text));
  double unit = 1;
  for (const auto& [name, factor] : kUnits)
    if (number.ends_with(name)) {
      unit = factor;
      number = trimmed(number.substr(0, number.size() - name.size()));
      break;
    }
  double value = 0;
  const auto read = std::from_chars(number.data(), number.data() + number.size(), value);
  if (read.ec != std::errc() || read.ptr != number.data() + number.size() ||
      !(value * unit >= 1 && value * unit < 9e18))
    fail(Errc::kUsage, "--max-shard-size: '", text,
         "' is no size, wanted a number of bytes or one with KB, MB, GB or TB");
  return static_cast<std::int64_t>(value * unit);
}

std::optional<Dtype> wanted_dtype(const std::string& name) {
  for (const auto& [known, type] : kFloatTypes)
    if (name == known) return type;
  return std::nullopt;
}

// Weights of an earlier save, which would be read in place of the new ones or beside them.
bool is_stale(const std::string& name) {
  const auto like = [&](std::string_view form) {  // 0 stands for any digit
    return std::ranges::equal(name, form, [](char a, char b) {
      return b == '0' ? std::isdigit(static_cast<unsigned char>(a)) != 0 : a == b;
    });
  };
  return like("model.safetensors") || like("model-00000-of-00000.safetensors") ||
         like("model.safetensors.index.json") || like("adapter_config.json");
}

// quantization_config as the reference writes it.
nlohmann::json bits_config(const ModelOptions& o, std::vector<std::string> in_floats) {
  const bool four = o.load_in_4bit;
  return {{"quant_method", "bitsandbytes"},
          {"_load_in_4bit", four},
          {"_load_in_8bit", !four},
          {"load_in_4bit", four},
          {"load_in_8bit", !four},
          {"bnb_4bit_compute_dtype", o.compute_dtype},
          {"bnb_4bit_quant_storage", "uint8"},
          {"bnb_4bit_quant_type", four ? o.four_bits : "fp4"},
          {"bnb_4bit_use_double_quant", four && o.double_quant},
          {"llm_int8_enable_fp32_cpu_offload", false},
          {"llm_int8_has_fp16_weight", false},
          {"llm_int8_skip_modules", std::move(in_floats)},
          {"llm_int8_threshold", 6.0}};
}

// Weights of products become codes of 4 or 8 bits.
void quantise(const ConvertOptions& o, const fs::path& folder, Pretrained& model) {
  ModelRequest request = model_request(o.model, folder, Head::kFeatures);
  StoredTensors codes = engine().in_codes(request);
  std::vector<std::string> in_floats{"lm_head"};  // the reference goes by this list alone
  std::erase_if(model.tensors, [&](const SavedTensor& tensor) {
    if (codes.contains(tensor.name)) return true;
    if (tensor.tensor.shape.size() == 2 && tensor.name.ends_with(".weight") && tensor.name != "lm_head.weight")
      in_floats.push_back(tensor.name.substr(0, tensor.name.rfind('.')));
    return false;
  });
  for (auto& [name, tensor] : codes) model.tensors.push_back({name, tensor, tensor.dtype});
  model.config["quantization_config"] = bits_config(o.model, std::move(in_floats));
}

// The model that is written, adapters merged into it.
Pretrained pretrained(const ConvertOptions& o, const fs::path& folder, std::optional<Dtype> dtype) {
  ModelRequest request = model_request(o.model, folder, Head::kFeatures);
  if (request.adapters.empty()) return read_pretrained(folder, o.model.variant, dtype);
  const Merged merged = engine().merged(request);
  return pretrained_of(Fields(merged.config, (folder / "config.json").string()), merged.tensors, dtype);
}

int run_convert(const ConvertOptions& o) {
  if (o.model.model.empty() || o.output.empty())
    fail(Errc::kUsage, "convert wants a model and a folder to write: hft convert MODEL -o DIR");
  if (o.output == "-") fail(Errc::kUsage, "-o -: stdout cannot hold a folder");
  const std::int64_t max_shard_bytes = parse_size(o.max_shard_size);
  AtomicFolder::check(o.output, o.force);
  hub::refuse_cache("-o", o.output);
  const fs::path folder = model_folder(o.model, "");
  const bool quantised = way_to_quantize(o.model) != "none";
  const std::string dtype = quantised && o.model.dtype == "auto" ? "float16" : o.model.dtype;
  Pretrained model = pretrained(o, folder, wanted_dtype(dtype));
  if (quantised) quantise(o, folder, model);
  AtomicFolder out(o.output);
  Saved saved;
  {
    Progress progress("converting", "tensor", std::ssize(model.tensors));
    saved = save_checkpoint(
        out.path(), std::move(model.tensors), max_shard_bytes, [&](std::int64_t done) {
          progress.update(done);
          if (const int code = stop_requested())
            fail(static_cast<Errc>(code), "stopped: ", o.output, " was not written");
        });
  }
  write_file(out.path() / "config.json", model.config.dump(2, ' ', true) + "\n");
  copy_companions(folder, out.path());
  out.commit(is_stale);
  if (!saved.overflowed.empty())
    note("numbers too large for " + o.model.dtype + " became infinite in " +
         counted(std::ssize(saved.overflowed), "tensor") + ", the first of them " +
         saved.overflowed[0]);
  note(o.output + ": " + counted(saved.files, "file") + " of weights, " +
       counted(saved.bytes, "byte"));
  if (!model.left_out.empty())
    note("left out, as loading makes them from others: " + joined(model.left_out, ", "));
  return 0;
}

std::function<int()> declare_convert(Flags& flags) {
  auto o = std::make_shared<ConvertOptions>();
  flags.footer(
      "Examples:\n"
      "  hft convert DIR -o NEW                            # pytorch_model.bin to "
      "model.safetensors\n"
      "  hft convert DIR -o NEW --dtype bfloat16\n"
      "  hft convert DIR -o NEW --max-shard-size 200MB\n"
      "  hft convert DIR -o NEW --load-in-4bit             # NF4, which Python reads too\n"
      "  hft convert DIR -o NEW --adapter LORA             # one model of a base and its adapter\n"
      "\n"
      "NEW holds what save_pretrained writes: config.json, the weights, tied ones stored once, "
      "and\n"
      "copies of the files of tokenizer, processor and generation.");
  flags.add("MODEL", o->model.model, "Model: a folder, or its id on the Hub");
  flags.add("-o,--output", o->output, "Folder to write, which appears when it is complete")
      .metavar("DIR");
  flags.add("--force", o->force, "Write into a folder that has files, in place of its weights");
  add_dtype_option(flags, o->model, "Type of the floating-point weights; auto: as they are");
  flags
      .add("--max-shard-size", o->max_shard_size,
           "Weights above this size are split into files of at most it")
      .metavar("SIZE")
      .show_default();
  add_bits_options(flags, o->model);
  add_source_options(flags, o->model);
  add_adapter_options(flags, o->model);
  add_variant_option(flags, o->model);
  return [o] { return run_convert(*o); };
}

}  // namespace

extern const Command convert_command{
    "convert", "Work", "Write a model anew: as safetensors, in another type, in shards",
    declare_convert};

}  // namespace hft
