#include "core/models/placing.h"

#include <dlfcn.h>

#include <algorithm>
#include <cmath>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/checkpoint/config.h"
#include "core/checkpoint/model_kinds.h"
#include "core/models/load_parts.h"
#include "core/models/lookup.h"
#include "core/models/reading.h"
#include "core/models/text_model.h"
#include "core/placement/memory.h"

namespace hft {
namespace {

// Free bytes of a GPU, by the runtime that a CUDA build of LibTorch brings.
double gpu_memory(int index) {
  if (const auto& logical = logical_devices(); logical.count > 0) return logical.bytes;
  const auto set = reinterpret_cast<int (*)(int)>(::dlsym(RTLD_DEFAULT, "cudaSetDevice"));
  const auto ask = reinterpret_cast<int (*)(std::size_t*, std::size_t*)>(
      ::dlsym(RTLD_DEFAULT, "cudaMemGetInfo"));
  std::size_t free = 0, all = 0;
  return set && ask && set(index) == 0 && ask(&free, &all) == 0 ? static_cast<double>(free) : 0;
}

DeviceMemories memories_at_hand() {
  DeviceMemories memories;
  for (int i = 0; i < gpu_count(); ++i) memories.push_back({std::to_string(i), gpu_memory(i)});
  memories.push_back({"cpu", free_memory()});
  return memories;
}

DeviceMap inferred_map(const ModelRequest& request, const ModelLayout& layout) {
  DeviceMemories memories = memories_of(request.max_memory);
  const bool given = !memories.empty();
  if (!given) memories = memories_at_hand();
  const std::string& kind = request.device_map;
  if (kind != "sequential")
    memories = balanced_memories(layout, std::move(memories), kind == "balanced_low_0", given);
  if (quantize_of(request) >= Quantize::kNf4)  // what quantising takes beside
    for (auto& memory : memories) memory.bytes *= 0.9;
  return infer_device_map(layout, memories);
}

DeviceMap given_map(const std::string& text, const ModelLayout& layout,
                    std::vector<std::string>& notes) {
  DeviceMap map = map_of(text);
  if (const auto names = uncovered(map, layout); !names.empty())
    fail_hint(Errc::kUsage, "name a module that holds them, or \"\" for all that is left",
              "--device-map: gives no device for ", listed(names));
  for (const auto& entry : map) {
    const DeviceMap one{entry};
    if (std::ranges::none_of(layout, [&](auto& t) { return entry_of(one, t.name, t.also); }))
      notes.push_back("--device-map: no weights are in '" + entry.module + "'");
  }
  return map;
}

DeviceMap map_for(const ModelRequest& request, const ModelLayout& layout,
                  std::vector<std::string>& notes) {
  const std::string& kind = request.device_map;
  if (kind.empty())
    return {{"", request.device.starts_with("cuda") ? device_name("--device", request.device)
                                                    : "cpu"}};
  if (is_map_object(kind)) return given_map(kind, layout, notes);
  if (is_inferred_map(kind)) return inferred_map(request, layout);
  return {{"", device_name("--device-map", kind)}};
}

// What each device of the map holds, beside what it has.
std::vector<DevicePlan::Device> filled(const ModelRequest& request, const ModelLayout& layout,
                                 const DeviceMap& map) {
  const DeviceMemories limits = memories_of(request.max_memory);
  std::vector<DevicePlan::Device> devices;
  for (const auto& entry : map)
    if (std::ranges::none_of(devices, [&](auto& d) { return d.name == entry.device; }))
      devices.push_back({entry.device});
  for (const auto& tensor : layout)
    if (const MapEntry* entry = entry_of(map, tensor.name, tensor.also))
      std::ranges::find(devices, entry->device, &DevicePlan::Device::name)->needs += tensor.bytes;
  for (auto& device : devices) {
    const auto limit = std::ranges::find(limits, device.name, &DeviceMemory::device);
    const bool limited = limit != limits.end() && device.name != "disk";
    device.has = limited                    ? limit->bytes
                 : device.name == "disk"    ? INFINITY
                 : device.name == "cpu"     ? free_memory()
                 : std::stoi(device.name) < gpu_count() ? gpu_memory(std::stoi(device.name)) : 0;
    device.may_page = device.name == "cpu" && !limited && quantize_of(request) < Quantize::kNf4;
  }
  return devices;
}

void need_devices(const DeviceMap& map) {
  for (const auto& entry : map)
    if (is_gpu(entry.device) && std::stoi(entry.device) >= gpu_count())
      fail(Errc::kUnsupported, "--device-map: device ", entry.device, ": there ",
           gpu_count() == 1 ? "is " : "are ", counted(gpu_count(), "GPU"), ", wanted cpu or disk");
}

bool ends_with_any(const std::string& name, std::initializer_list<const char*> ends) {
  return std::ranges::any_of(ends, [&](const char* end) { return name.ends_with(end); });
}

Head head_of_class(const Architecture& architecture, const std::string& name) {
  const Head head = ends_with_any(name, {"ForSequenceClassification"}) ? Head::kClassify
                    : ends_with_any(name, {"ForTokenClassification"})  ? Head::kTokenClassify
                    : ends_with_any(name, {"ForQuestionAnswering"})    ? Head::kAnswer
                    : ends_with_any(name, {"ForMaskedLM"})             ? Head::kMaskedLm
                                                                       : Head::kFeatures;
  return std::ranges::count(architecture.heads, head) ? head : Head::kFeatures;
}

ImageHead image_head_of_class(const Architecture& architecture, const std::string& name) {
  const ImageHead head = ends_with_any(name, {"Classification", "WithTeacher"}) ? ImageHead::kClassify
                         : ends_with_any(name, {"Detection"})                   ? ImageHead::kDetect
                         : ends_with_any(name, {"Segmentation"})                ? ImageHead::kSegment
                         : ends_with_any(name, {"Answering"})                   ? ImageHead::kAnswer
                                                                                : ImageHead::kEmbed;
  return std::ranges::count(architecture.image_heads, head) ? head : architecture.image_heads[0];
}

SoundHead sound_head_of_class(const Architecture& architecture, const std::string& name) {
  const SoundHead head = ends_with_any(name, {"ForCTC"})           ? SoundHead::kCtc
                         : ends_with_any(name, {"Classification"}) ? SoundHead::kClassify
                                                                   : SoundHead::kEmbed;
  return std::ranges::count(architecture.sound_heads, head) ? head : architecture.sound_heads[0];
}

// Binds what the class that config.json names has.
BindAll binding_of(const Architecture& architecture, const Fields& config) {
  const std::string name = class_of(config);
  const Head head = head_of_class(architecture, name);
  if (architecture.encoder || head != Head::kFeatures)
    return [=, &architecture](const Weights& w) { build_reader(architecture, config, w, head); };
  if (architecture.decoder)
    return [=, &architecture](const Weights& w) { architecture.decoder(config, w); };
  if (architecture.seq2seq)
    return [=, &architecture](const Weights& w) { architecture.seq2seq(config, w); };
  if (architecture.image)
    return [=, &architecture](const Weights& w) {
      architecture.image(config, w, image_head_of_class(architecture, name));
    };
  if (architecture.sound)
    return [=, &architecture](const Weights& w) {
      architecture.sound(config, w, sound_head_of_class(architecture, name));
    };
  fail_hint(Errc::kUnsupported, "hft models", config.where(), ": model_type '",
            config.text("model_type"), "' is half of a model, wanted a whole one");
}

// The folder's tensors, none where there are no weights.
std::shared_ptr<StoredTensors> tensors_at_hand(const ModelRequest& request) {
  auto tensors = std::make_shared<StoredTensors>();
  try {
    *tensors = open_checkpoint(request.folder, request.variant, Checksums::kPickle);
  } catch (const Error& e) {
    if (e.code != Errc::kNotFound) throw;
  }
  return tensors;
}

}  // namespace

int gpu_count() {
  if (logical_devices().count > 0) return logical_devices().count;
  return at::hasCUDA() ? static_cast<int>(at::detail::getCUDAHooks().deviceCount()) : 0;
}

void place_weights(const ModelRequest& request, const std::shared_ptr<WeightStore>& store,
                   const BindAll& bind, bool needs_cpu) {
  const bool logical = logical_devices().count > 0 && request.device.starts_with("cuda");
  if (request.device_map.empty() && !logical) return;
  const auto trial = std::make_shared<WeightStore>(*store);
  trial->plan(false);
  bind(Weights(trial));
  DevicePlan plan;
  plan.map = map_for(request, trial->layout(), plan.notes);
  plan.devices = filled(request, trial->layout(), plan.map);
  need_devices(plan.map);
  if (const DevicePlan::Device* full = overfull(plan.devices))
    fail_hint(Errc::kResources, "--dry-run shows the plan", "--device-map: device ", full->name,
              ": ", need_text(*full));
  for (const auto& note : plan.notes) store->warn(note);
  auto placement = std::make_shared<Placement>(plan.map);
  if (needs_cpu && !placement->on_cpu())
    fail(Errc::kUnsupported, "--device-map: a model with a decoder's cache runs on the CPU so far, ",
         "wanted cpu or disk");
  store->place(std::move(placement));
}

DevicePlan plan_model(const ModelRequest& given) {
  return translate_errors([&] {
    Fields config = read_config(given.folder);
    const Architecture* architecture = architecture_named(config.text("model_type"));
    if (!architecture) architecture_of(config, ModelClass::kText, Head::kFeatures);  // which throws
    ModelRequest request = given;
    request.adapters.clear();
    request.tensors = tensors_at_hand(request);
    Renames renames = renames_of(architecture->base);
    renames.newer = architecture->newer_names;
    const auto store = open_weights(request, request.folder, config, std::move(renames), at::kCPU);
    DevicePlan plan;
    plan.stored = !request.tensors->empty();
    store->plan(!plan.stored);
    binding_of(*architecture, config)(Weights(store));
    plan.model_type = config.text("model_type");
    plan.dtype = store->dtype() == at::kHalf       ? "float16"
                 : store->dtype() == at::kBFloat16 ? "bfloat16"
                                                   : "float32";
    for (const auto& tensor : store->layout()) {
      plan.parameters += tensor.count;
      plan.bytes += tensor.bytes;
    }
    plan.notes = store->warnings();
    plan.map = map_for(request, store->layout(), plan.notes);
    plan.devices = filled(request, store->layout(), plan.map);
    return plan;
  });
}

}  // namespace hft
