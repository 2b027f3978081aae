#include "core/placement/plan.h"

#include <algorithm>

#include "core/base/text.h"

namespace hft {

const DevicePlan::Device* overfull(const std::vector<DevicePlan::Device>& devices) {
  const auto full = std::ranges::find_if(devices, [](const DevicePlan::Device& device) {
    return !device.may_page && static_cast<double>(device.needs) > device.has;
  });
  return full == devices.end() ? nullptr : &*full;
}

std::string need_text(const DevicePlan::Device& device) {
  return "would need " + human_bytes(device.needs) + ", has " +
         human_bytes(static_cast<std::int64_t>(device.has));
}

}  // namespace hft
