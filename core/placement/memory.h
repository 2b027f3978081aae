// What --device-map and --max-memory say, and what memory there is.
#pragma once

#include <string>
#include <string_view>

#include "core/placement/device_map.h"

namespace hft {

// "5GiB", "5GB" (powers of 1024 and 1000; "5Gb": bits), or a number of bytes, as accelerate reads
// them. `what` names it in errors (kUsage).
double memory_size(const std::string& what, const std::string& text);

// "0", "cpu", "disk" of "0", "cuda", "cuda:1", "cpu", "disk". kUsage for another.
std::string device_name(const std::string& what, const std::string& text);

// --max-memory as ModelRequest has it: a JSON object, or "0=10GiB,cpu=30GiB". "": none.
DeviceMemories memories_of(const std::string& max_memory);

// "auto", "balanced", "balanced_low_0" or "sequential".
bool is_inferred_map(std::string_view text);

// A device map of a JSON object; null where `text` is none. Throws kUsage.
bool is_map_object(std::string_view text);
DeviceMap map_of(const std::string& text);

// Bytes that programs may have more of, as the system tells it (MemAvailable).
double free_memory();

// HFT_LOGICAL_DEVICES, "N" or "N:SIZE": devices that stand for GPUs where there is none, for tests. They
// compute on the CPU from memory of their own.
struct LogicalDevices {
  int count = 0;
  double bytes = 0;  // of each
};
const LogicalDevices& logical_devices();

}  // namespace hft
