// Which device each module of a model goes to. The arithmetic is accelerate's
// (infer_auto_device_map and get_balanced_memory of its utils/modeling.py).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hft {

// Devices have accelerate's names: "0", "1" … of GPUs, "cpu", "disk".
inline bool is_gpu(std::string_view device) { return device != "cpu" && device != "disk"; }

// A tensor by its path in the tree of modules. Of a tied one the bytes are told where it first stands.
struct ModelTensor {
  std::string name;
  std::int64_t count = 0, bytes = 0;
  std::string tied_to = {};  // another's name; "": it is its own
  std::string also = {};     // what else it is called; "": nothing
};
// In the order in which the modules declare them.
using ModelLayout = std::vector<ModelTensor>;

struct DeviceMemory {
  std::string device;
  double bytes;
};
// GPUs in ascending order, then the CPU, then what else there is.
using DeviceMemories = std::vector<DeviceMemory>;

struct MapEntry {
  std::string module, device;  // module "": the whole model
};
using DeviceMap = std::vector<MapEntry>;

// Fills one device after another; what none has room for goes to the disk. The first GPU and the CPU
// keep room for the largest layer. Layers (the members of the outermost lists) and embeddings are not
// split, tied weights stay together.
DeviceMap infer_device_map(const ModelLayout& layout, const DeviceMemories& memories);

// The memories with which infer_device_map gives every GPU about as much. low_zero: but the first,
// which gets what the others leave. given: by the user; else a lone GPU keeps a tenth free.
DeviceMemories balanced_memories(const ModelLayout& layout, DeviceMemories memories, bool low_zero,
                                 bool given);

// The entry of the longest module that one of two names is in, null: none. `other` "": there is none.
const MapEntry* entry_of(const DeviceMap& map, std::string_view name, std::string_view other = {});

// Names of tensors to which a map gives no device.
std::vector<std::string> uncovered(const DeviceMap& map, const ModelLayout& layout);

}  // namespace hft
