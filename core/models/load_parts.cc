#include "core/models/load_parts.h"

#include <algorithm>
#include <charconv>

#include "core/base/error.h"
#include "core/base/processor.h"
#include "core/checkpoint/config.h"
#include "core/checkpoint/quantization.h"
#include "core/checkpoint/safetensors.h"
#include "core/models/attention_choice.h"
#include "core/models/lookup.h"
#include "core/models/text_model.h"
#include "core/nn/merge_adapter.h"
#include "core/placement/memory.h"

namespace hft {
namespace {

std::optional<at::ScalarType> dtype_named(std::string_view name) {
  if (name.starts_with("torch.")) name.remove_prefix(6);
  if (name == "float32" || name == "float64" || name == "float") return at::kFloat;
  if (name == "bfloat16") return at::kBFloat16;
  if (name == "float16" || name == "half") return at::kHalf;
  return std::nullopt;
}

struct WayToQuantize {
  const char* name;
  Quantize how;
  const char* flag;
};
constexpr WayToQuantize kWays[] = {{"none", Quantize::kNone, ""},
                                   {"dynamic", Quantize::kDynamic, "--quantize dynamic"},
                                   {"nf4", Quantize::kNf4, "--load-in-4bit"},
                                   {"fp4", Quantize::kFp4, "--load-in-4bit"},
                                   {"int8", Quantize::kLlmInt8, "--load-in-8bit"}};

const WayToQuantize& way_to_quantize(const ModelRequest& request) {
  const auto* way = std::ranges::find(kWays, request.quantize, &WayToQuantize::name);
  if (way == std::end(kWays))
    fail(Errc::kUsage, "--quantize: '", request.quantize, "' is not one of none, dynamic");
  return *way;
}

// What --dtype says; for auto the config's type, else the first floating tensor's.
at::ScalarType pick_dtype(const ModelRequest& request, const Fields& config,
                          const StoredTensors& tensors) {
  if (request.dtype != "auto") {
    if (const auto wanted = dtype_named(request.dtype)) return *wanted;
    fail(Errc::kUsage, "--dtype: '", request.dtype,
         "' is not one of auto, float32, bfloat16, float16");
  }
  if (way_to_quantize(request).how >= Quantize::kNf4) return at::kHalf;  // as the reference has it
  for (const char* key : {"dtype", "torch_dtype"})
    if (const Json* value = config.find(key); value && value->is_string())
      if (const auto named = dtype_named(value->get<std::string>())) return *named;
  for (const auto& [name, tensor] : tensors)
    if (const auto type = floating_type(tensor.dtype))
      return *type == at::kDouble ? at::kFloat : *type;
  return at::kFloat;
}

void quantise(WeightStore& store, const ModelRequest& request, const Fields& config) {
  const WayToQuantize& way = way_to_quantize(request);
  if (auto stored = quantization_of(config)) {
    if (way.how != Quantize::kNone)
      fail(Errc::kUsage, way.flag, ": ", config.where(), ": the checkpoint is quantised already (",
           stored->name, "), wanted one of floats");
    store.stored_as(std::move(*stored));
  }
  if (way.how == Quantize::kDynamic && !store.device().is_cpu())
    fail(Errc::kUnsupported, "--quantize dynamic: runs on the CPU alone, wanted --device cpu");
  store.quantize_with(way.how, request.double_quant);
}

}  // namespace

Quantize quantize_of(const ModelRequest& request) { return way_to_quantize(request).how; }

at::Device pick_device(const std::string& name) {
  if (name == "auto") return at::hasCUDA() ? at::kCUDA : at::kCPU;
  if (name == "cpu") return at::kCPU;
  int index = 0;
  const std::string_view digits =
      std::string_view(name).substr(std::min<std::size_t>(5, name.size()));
  const bool numbered = name.starts_with("cuda:") && !digits.empty() &&
                        std::from_chars(digits.data(), digits.data() + digits.size(), index).ptr ==
                            digits.data() + digits.size() &&
                        index >= 0;
  if (name != "cuda" && !numbered)
    fail(Errc::kUsage, "--device: '", name, "' is not one of auto, cpu, cuda, cuda:N");
  if (const int logical = logical_devices().count; logical > 0) {
    if (index >= logical)
      fail(Errc::kUsage, "--device ", name, ": there are ", logical, " logical devices");
    return at::kCPU;
  }
  if (!at::hasCUDA())
    fail(Errc::kUnsupported, "--device ", name, ": no CUDA device is at hand, wanted auto or cpu");
  if (index >= static_cast<int>(at::detail::getCUDAHooks().deviceCount()))
    fail(Errc::kUsage, "--device ", name, ": there are ", at::detail::getCUDAHooks().deviceCount(),
         " CUDA devices");
  return at::Device(at::kCUDA, static_cast<at::DeviceIndex>(index));
}

// Tensors of 2018 and 2019 have TensorFlow's names of a norm's parts; the ignored ones are buffers
// that modules once saved.
Renames renames_of(std::string_view base) {
  return {std::string(base),
          {{"LayerNorm.weight", "LayerNorm.gamma"},
           {"LayerNorm.bias", "LayerNorm.beta"},
           {"layer_norm.weight", "layer_norm.gamma"},
           {"layer_norm.bias", "layer_norm.beta"}},
          {"position_ids", "token_type_ids", "mask_token", "relative_position_index", "num_batches_tracked", "rotary_emb.inv_freq",
           "attn.bias", "attn.masked_bias", "attention.bias", "attention.masked_bias"}};
}

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < std::min<std::size_t>(names.size(), 20); ++i)
    text += (i ? ", " : "") + names[i];
  if (names.size() > 20) text += " and " + std::to_string(names.size() - 20) + " more";
  return text;
}

std::shared_ptr<WeightStore> open_weights(const ModelRequest& request,
                                          const std::filesystem::path& folder, Fields& config,
                                          Renames renames, at::Device device) {
  processor();  // a wrong HFT_CPU is told before anything is read
  StoredTensors tensors =
      request.tensors ? *request.tensors : open_checkpoint(folder, request.variant);
  const auto dtype = pick_dtype(request, config, tensors);
  merge_adapters(request.adapters, renames.base, dtype, tensors, config);
  auto store = std::make_shared<WeightStore>(folder.string(), std::move(tensors),
                                             std::move(renames), dtype, device);
  quantise(*store, request, config);
  choose_attention(request, config, *store);
  if (config.has("auto_map"))
    store->warn(config.where() + ": 'auto_map' names Python code of the repository; none is " +
                "needed, and none is ever run");
  else if (request.trust_remote_code)
    store->warn("--trust-remote-code: not needed, the architecture is built in; no remote code is ever run");
  return store;
}

Merged merged_model(const ModelRequest& request) {
  return translate_errors([&] {
    Fields config = read_config_file(request.folder);
    const Architecture* architecture = architecture_named(config.text("model_type"));
    if (!architecture) architecture_of(config, ModelClass::kText, request.head);  // which throws
    StoredTensors tensors = open_checkpoint(request.folder, request.variant);
    const auto dtype = pick_dtype(request, config, tensors);
    merge_adapters(request.adapters, std::string(architecture->base), dtype, tensors, config);
    return Merged{std::move(tensors), config.json()};
  });
}

void warn_of_unused(const WeightStore& store, std::vector<std::string>& warnings) {
  if (const std::string scale = store.orphan_scale(); !scale.empty())
    fail(Errc::kBadData, store.where(), ": '", scale,
         "' belongs to a quantised weight, but the checkpoint has floats there");
  for (const auto& text : store.warnings()) warnings.push_back(text);
  if (const auto unused = store.unexpected(); !unused.empty())
    warnings.push_back("the model does not use " + std::to_string(unused.size()) +
                       " tensors of the checkpoint: " + listed(unused));
}

}  // namespace hft
