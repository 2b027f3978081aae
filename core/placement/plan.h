// Where a model's weights would lie, told before any of them is read.
#pragma once

#include <string>
#include <vector>

#include "core/placement/device_map.h"

namespace hft {

struct DevicePlan {
  std::string model_type, dtype;  // "llama", "bfloat16"
  bool stored = true;             // false: no weights are there, config.json alone was asked
  std::int64_t parameters = 0, bytes = 0;
  DeviceMap map;
  struct Device {
    std::string name;  // as in the map
    std::int64_t needs = 0;
    double has = 0;         // INFINITY: disk
    bool may_page = false;  // what does not fit is read from the mapped file again
  };
  std::vector<Device> devices;  // those with weights
  std::vector<std::string> notes;
};

// The first device that its weights do not fit, null: none.
const DevicePlan::Device* overfull(const std::vector<DevicePlan::Device>& devices);
// "would need 2.5 GB, has 1.0 GB"
std::string need_text(const DevicePlan::Device& device);

}  // namespace hft
