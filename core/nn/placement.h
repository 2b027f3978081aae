// Where the modules of a model live: what --device or --device-map says, as places of memory. A
// product asks its own place for its input, so that the hidden state goes from device to device.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/nn/tensor.h"
#include "core/placement/device_map.h"

namespace hft {

struct Place {
  std::string name = "cpu";  // as in a device map
  at::Device device = at::kCPU;
  bool own_memory = false;  // a logical device: on the CPU, with copies of its own
  bool on_disk = false;     // pages of the mapped file, given back after each use

  // x as it is computed with here; a copy where it comes from another device.
  Tensor receive(Tensor x) const;
  // What was read of a mapped file is not needed for now.
  void release(std::span<const std::span<const std::byte>> weights) const;
};

class Placement {
 public:
  // All on one device of LibTorch.
  explicit Placement(at::Device device);
  // By the map's names; GPUs are logical where there are any (logical_devices).
  explicit Placement(DeviceMap map);

  // Of a tensor by one of its names; of what the map does not cover the first there is.
  const Place& of(std::string_view name, std::string_view other = {}) const;
  bool on_cpu() const;  // all of it
  const Place& main() const { return places_.front(); }  // of what belongs to no module

 private:
  DeviceMap map_;
  std::vector<Place> places_;  // in the order of their first module
};

// How often values were handed from one logical device to another; for tests.
std::atomic<std::int64_t>& handed_over();

}  // namespace hft
