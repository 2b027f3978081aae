#include "core/placement/memory.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <fstream>

#include "core/base/error.h"
#include "core/base/json.h"
#include "core/base/text.h"

namespace hft {
namespace {

struct SizeUnit {
  std::string_view name;
  double bytes;
  bool binary;
};
constexpr SizeUnit kSizeUnits[] = {{"GIB", 1 << 30, true}, {"MIB", 1 << 20, true},
                                   {"KIB", 1 << 10, true}, {"GB", 1e9, false},
                                   {"MB", 1e6, false},     {"KB", 1e3, false}};

std::string upper_ascii(std::string text) {
  for (char& c : text)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return text;
}

// "0=10GiB,cpu=30GiB" as the JSON object that says so.
Json pairs_of(const std::string& text) {
  Json object = Json::object();
  for (const std::string& pair : split(text, ',')) {
    const auto at = pair.find('=');
    if (at == std::string::npos)
      fail(Errc::kUsage, "--max-memory: '", pair,
           "' is not a size by device, wanted 0=10GiB,cpu=30GiB or a JSON object");
    object[pair.substr(0, at)] = pair.substr(at + 1);
  }
  return object;
}

Json object_of(const std::string& flag, const std::string& text) {
  try {
    Json json = parse_json(text, flag);
    if (json.is_object()) return json;
  } catch (const Error& e) {
    throw Error(Errc::kUsage, e.message);
  }
  fail(Errc::kUsage, flag, ": is no JSON object");
}

std::int64_t rank(const std::string& device) {
  return is_gpu(device) ? std::atoll(device.c_str()) : device == "cpu" ? INT64_MAX - 1 : INT64_MAX;
}

}  // namespace

double memory_size(const std::string& what, const std::string& text) {
  const std::string upper = upper_ascii(text);
  const auto* unit = std::ranges::find_if(kSizeUnits, [&](auto& u) { return upper.ends_with(u.name); });
  const bool has_unit = unit != std::end(kSizeUnits);
  const std::string digits = trimmed(text.substr(0, text.size() - (has_unit ? unit->name.size() : 0)));
  double number = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (digits.empty() || read.ec != std::errc() || read.ptr != digits.data() + digits.size() ||
      number < 0)
    fail(Errc::kUsage, what, ": '", text, "' is no size, wanted bytes or a unit as in 10GiB, 5.0GB");
  if (!has_unit) return std::floor(number);
  const double bytes = std::floor(number * unit->bytes);
  return !unit->binary && text.ends_with('b') ? std::floor(bytes / 8) : bytes;
}

std::string device_name(const std::string& what, const std::string& text) {
  if (text == "cpu" || text == "disk") return text;
  std::string number = text == "cuda" ? "0" : text.starts_with("cuda:") ? text.substr(5) : text;
  const bool digits = !number.empty() && number.size() < 4 &&
                      number.find_first_not_of("0123456789") == std::string::npos;
  if (!digits)
    fail(Errc::kUsage, what, ": '", text, "' is no device, wanted ", what == "--device-map" ? "auto, balanced, balanced_low_0, sequential, " : "", "cpu, disk, cuda:N or N of a GPU");
  return std::to_string(std::atoi(number.c_str()));
}

DeviceMemories memories_of(const std::string& max_memory) {
  DeviceMemories memories;
  if (max_memory.empty()) return memories;
  const std::string flag = "--max-memory";
  const Json json =
      is_map_object(max_memory) ? object_of(flag, max_memory) : pairs_of(max_memory);
  for (const auto& [device, size] : json.items()) {
    if (!size.is_string() && !size.is_number_unsigned())
      fail(Errc::kUsage, flag, ": ", device, ": ", to_line(size),
           " is no size, wanted bytes or a unit as in \"10GiB\"");
    const std::string name = device_name(flag, device);
    const double bytes = size.is_string() ? memory_size(flag + ": " + device, size.get<std::string>())
                                          : size.get<double>();
    memories.push_back({name, bytes});
  }
  std::ranges::stable_sort(memories, {}, [](const DeviceMemory& m) { return rank(m.device); });
  return memories;
}

bool is_inferred_map(std::string_view text) {
  return text == "auto" || text == "balanced" || text == "balanced_low_0" || text == "sequential";
}

bool is_map_object(std::string_view text) { return trimmed(std::string(text)).starts_with('{'); }

DeviceMap map_of(const std::string& text) {
  const std::string flag = "--device-map";
  DeviceMap map;
  const Json object = object_of(flag, text);
  for (const auto& [module, device] : object.items()) {
    if (!device.is_string() && !device.is_number_unsigned())
      fail(Errc::kUsage, flag, ": '", module, "': ", to_line(device),
           " is no device, wanted \"cpu\", \"disk\", \"cuda:N\" or N of a GPU");
    map.push_back({module, device_name(flag + ": '" + module + "'",
                                       device.is_string() ? device.get<std::string>()
                                                          : std::to_string(device.get<int>()))});
  }
  return map;
}

double free_memory() {
  std::ifstream file("/proc/meminfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("MemAvailable:")) return std::atof(line.c_str() + 13) * 1024;
  return INFINITY;
}

const LogicalDevices& logical_devices() {
  static const LogicalDevices devices = [] {
    LogicalDevices read;
    const char* value = std::getenv("HFT_LOGICAL_DEVICES");
    if (!value || !*value) return read;
    const std::string text = value;
    const auto at = text.find(':');
    read.count = std::clamp(std::atoi(text.c_str()), 0, 64);
    read.bytes = at == std::string::npos ? free_memory()
                                         : memory_size("HFT_LOGICAL_DEVICES", text.substr(at + 1));
    return read;
  }();
  return devices;
}

}  // namespace hft
