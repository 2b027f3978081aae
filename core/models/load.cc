// A model folder becomes a TextModel in five steps: config, architecture, checkpoint (mapped, no
// tensor read), binding by name and shape, and the account of what was not used.
#include <ATen/Parallel.h>

#include <algorithm>
#include <charconv>

#include "core/base/error.h"
#include "core/checkpoint/safetensors.h"
#include "core/models/registry.h"
#include "core/models/text_model.h"

namespace hft {
namespace {

std::optional<at::ScalarType> dtype_named(std::string_view name) {
  if (name.starts_with("torch.")) name.remove_prefix(6);
  if (name == "float32" || name == "float64" || name == "float") return at::kFloat;
  if (name == "bfloat16") return at::kBFloat16;
  if (name == "float16" || name == "half") return at::kHalf;
  return std::nullopt;
}

// What --dtype says; for auto the config's type, else the first floating tensor's (A5).
at::ScalarType pick_dtype(const ModelRequest& request, const Fields& config,
                          const StoredTensors& tensors) {
  if (request.dtype != "auto") {
    if (const auto wanted = dtype_named(request.dtype)) return *wanted;
    fail(Errc::kUsage, "--dtype: '", request.dtype,
         "' is not one of auto, float32, bfloat16, float16");
  }
  for (const char* key : {"dtype", "torch_dtype"})
    if (const Json* value = config.find(key); value && value->is_string())
      if (const auto named = dtype_named(value->get<std::string>())) return *named;
  for (const auto& [name, tensor] : tensors)
    if (const auto type = floating_type(tensor.dtype))
      return *type == at::kDouble ? at::kFloat : *type;
  return at::kFloat;
}

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
  if (!at::hasCUDA())
    fail(Errc::kUnsupported, "--device ", name, ": no CUDA device is at hand, wanted auto or cpu");
  if (index >= static_cast<int>(at::detail::getCUDAHooks().deviceCount()))
    fail(Errc::kUsage, "--device ", name, ": there are ", at::detail::getCUDAHooks().deviceCount(),
         " CUDA devices");
  return at::Device(at::kCUDA, static_cast<at::DeviceIndex>(index));
}

// At most 20 names; what a hostile config makes up is not printed in full.
std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < std::min<std::size_t>(names.size(), 20); ++i)
    text += (i ? ", " : "") + names[i];
  if (names.size() > 20) text += " and " + std::to_string(names.size() - 20) + " more";
  return text;
}

// Missing tensors of the encoder are a broken checkpoint; those of the head alone may be random,
// if the user says so (L7).
void settle_missing(WeightStore& store, const Architecture& architecture, const Fields& config,
                    const ModelRequest& request, std::vector<std::string>& warnings) {
  std::vector<std::string> names;
  bool head_only = true;
  for (const auto& missing : store.missing()) {
    names.push_back(missing.name);
    const std::string base(architecture.base);
    head_only &=
        !missing.name.starts_with(base + ".") || missing.name.starts_with(base + ".pooler.");
  }
  if (names.empty()) return;
  if (!head_only)
    fail(Errc::kBadData, request.folder.string(),
         ": the checkpoint lacks tensors that config.json implies: ", listed(names));
  if (!request.allow_random_head)
    fail_hint(Errc::kUnsupported,
              "hft embed uses the encoder alone; --allow-random-head makes up random weights",
              request.folder.string(), ": the checkpoint has no head for ", words_of(request.head),
              ", it lacks ", listed(names));
  store.fill_missing(config.real("initializer_range", 0, 1e3, 0.02));
  warnings.push_back("the head is not trained: random weights stand in for " + listed(names));
}

// Both passes bind every tensor; the second finds what the first found missing.
TextNet bind_all(const Architecture& architecture, const Fields& config,
                 const ModelRequest& request, const std::shared_ptr<WeightStore>& store,
                 std::vector<std::string>& warnings) {
  TextNet net = architecture.build(config, Weights(store), request.head);
  if (store->missing().empty()) return net;
  settle_missing(*store, architecture, config, request, warnings);
  return architecture.build(config, Weights(store), request.head);
}

std::unique_ptr<TextModel> load(const ModelRequest& request) {
  const bool embeds = request.head == Head::kEmbed;
  std::optional<SentenceModules> sentences;
  if (embeds) sentences.emplace(request);
  const fs::path folder = sentences ? sentences->encoder_folder() : request.folder;

  const Fields config(read_json(folder / "config.json"), (folder / "config.json").string());
  const Architecture& architecture = architecture_of(config);
  need_head(config, request.head);

  StoredTensors tensors = open_checkpoint(folder);
  const auto dtype = pick_dtype(request, config, tensors);
  const Runtime runtime{pick_device(request.device), request.threads};
  auto store = std::make_shared<WeightStore>(folder.string(), std::move(tensors),
                                             renames_of(architecture), dtype, runtime.device);

  std::vector<std::string> warnings;
  TextNet net = bind_all(architecture, config, request, store, warnings);
  if (sentences) sentences->bind(net.hidden, runtime.device);

  if (const auto unused = store->unexpected(); !unused.empty())
    warnings.push_back("the model does not use " + std::to_string(unused.size()) +
                       " tensors of the checkpoint: " + listed(unused));
  return make_text_model(std::move(net), request.head, runtime, std::move(sentences),
                         std::move(warnings));
}

}  // namespace

std::unique_ptr<TextModel> load_text_model(const ModelRequest& request) {
  return translate_errors([&] { return load(request); });
}

}  // namespace hft
