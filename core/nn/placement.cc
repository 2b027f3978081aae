#include "core/nn/placement.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include "core/placement/memory.h"

namespace hft {
namespace {

Place place_named(const std::string& device) {
  Place place{device};
  if (!is_gpu(device)) {
    place.on_disk = device == "disk";
  } else if (logical_devices().count > 0) {
    place.own_memory = true;
  } else {
    place.device = at::Device(at::kCUDA, static_cast<at::DeviceIndex>(std::stoi(device)));
  }
  return place;
}

}  // namespace

std::atomic<std::int64_t>& handed_over() {
  static std::atomic<std::int64_t> count = 0;
  return count;
}

Tensor Place::receive(Tensor x) const {
  if (x.device() != device) return x.to(device);
  if (logical_devices().count == 0) return x;
  // Where this thread last computed is where its values are.
  thread_local std::string last = "cpu";
  if (last == name || (!own_memory && (last == "cpu" || last == "disk"))) return x;
  last = name;
  ++handed_over();
  return x.clone();
}

void Place::release(std::span<const std::span<const std::byte>> weights) const {
  if (!on_disk) return;
  static const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  for (const auto& bytes : weights) {
    const auto begin = (reinterpret_cast<std::uintptr_t>(bytes.data()) + page - 1) / page * page;
    const auto end = reinterpret_cast<std::uintptr_t>(bytes.data() + bytes.size()) / page * page;
    if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
  }
}

Placement::Placement(at::Device device) {
  Place place;
  place.device = device;
  if (!device.is_cpu()) place.name = std::to_string(device.index() < 0 ? 0 : device.index());
  map_ = {{"", place.name}};
  places_ = {place};
}

Placement::Placement(DeviceMap map) : map_(std::move(map)) {
  for (const auto& entry : map_)
    if (std::ranges::none_of(places_, [&](const Place& p) { return p.name == entry.device; }))
      places_.push_back(place_named(entry.device));
  if (places_.empty()) places_.push_back({});
}

bool Placement::on_cpu() const {
  return std::ranges::all_of(places_, [](const Place& p) { return p.device.is_cpu(); });
}

const Place& Placement::of(std::string_view name, std::string_view other) const {
  const MapEntry* entry = entry_of(map_, name, other);
  if (!entry) return places_.front();
  return *std::ranges::find(places_, entry->device, &Place::name);
}

}  // namespace hft
