// Plans: which module goes to which device, from config.json and headers alone.
#include "core/models/placing.h"

#include <algorithm>

#include "core/placement/memory.h"
#include "tests/support/test.h"

namespace hft::test {
namespace {

// Modules that hold no weights, which the reference lists too.
bool is_empty_module(const std::string& name) {
  return name.ends_with("rotary_emb") || name.ends_with("drop");
}

std::string device_of(const Json& device) {
  return device.is_string() ? device.get<std::string>() : std::to_string(device.get<int>());
}

DeviceMap golden_map(const Json& json) {
  DeviceMap map;
  for (const auto& [module, device] : json.items()) map.push_back({module, device_of(device)});
  return map;
}

// Modules of `left` that `right` gives to another device.
std::vector<std::string> differing(const DeviceMap& left, const DeviceMap& right) {
  std::vector<std::string> names;
  for (const auto& entry : left) {
    if (is_empty_module(entry.module)) continue;
    const auto same = [&](const MapEntry& other) {
      const bool covers = other.module == entry.module || other.module.empty() ||
                          entry.module.starts_with(other.module + ".") ||
                          other.module.starts_with(entry.module + ".") || entry.module.empty();
      return covers && other.device == entry.device;
    };
    if (std::ranges::none_of(right, same)) names.push_back(entry.module + " on " + entry.device);
  }
  return names;
}

ModelRequest request_of(const TempFolder& folder, const Json& config) {
  spit(folder / "config.json", to_line(config));
  ModelRequest request;
  request.folder = folder.path;
  return request;
}

const Json kTinyLlama = {{"architectures", {"LlamaForCausalLM"}},
                         {"model_type", "llama"},
                         {"hidden_size", 64},
                         {"intermediate_size", 128},
                         {"num_attention_heads", 4},
                         {"num_hidden_layers", 2},
                         {"vocab_size", 100},
                         {"torch_dtype", "bfloat16"}};

}  // namespace

TEST_CASE("plan: rules give out devices as accelerate does, from config.json alone") {
  const Json golden_maps = parse_json(slurp(golden("device-maps") / "cases.json"), "golden");
  const TempFolder folder;
  for (const Json& row : golden_maps) {
    ModelRequest request = request_of(folder, row["config"]);
    CAPTURE(row["config"]["model_type"].get<std::string>());
    for (const Json& one : row["cases"]) {
      request.device_map = one["rule"].get<std::string>();
      request.max_memory = to_line(one["max_memory"]);
      CAPTURE(request.device_map);
      CAPTURE(request.max_memory);
      const DevicePlan plan = plan_model(request);
      const DeviceMap wanted = golden_map(one["map"]);
      CHECK(differing(wanted, plan.map) == std::vector<std::string>{});
      CHECK(differing(plan.map, wanted) == std::vector<std::string>{});
      CHECK(plan.bytes == row["bytes"].get<std::int64_t>());
      std::int64_t sum = 0;
      for (const auto& device : plan.devices) sum += device.needs;
      CHECK(sum == plan.bytes);
    }
  }
}

TEST_CASE("plan: a map of modules must give every weight a device") {
  const TempFolder folder;
  ModelRequest request = request_of(folder, kTinyLlama);
  request.device_map = R"({"model.embed_tokens": 0, "model.layers.0": "cuda:1", "lm_head": "cpu",
                           "model.layers.1": "disk", "model.rotary_emb": 0})";
  CHECK(error_of([&] { plan_model(request); }) ==
        "--device-map: gives no device for model.norm.weight");
  request.device_map = R"({"": "cpu", "model.layers.1": "disk", "model.layers.7": "cpu"})";
  const DevicePlan plan = plan_model(request);
  CHECK(plan.notes == std::vector<std::string>{"--device-map: no weights are in 'model.layers.7'"});
  REQUIRE(plan.devices.size() == 2);
  CHECK(plan.devices[0].needs + plan.devices[1].needs == plan.bytes);
  CHECK(plan.devices[1].needs == 2 * (4 * 64 * 64 + 3 * 64 * 128 + 2 * 64));
}

TEST_CASE("plan: what a device has no room for is told") {
  const TempFolder folder;
  ModelRequest request = request_of(folder, kTinyLlama);
  request.device_map = R"({"": 0})";
  request.max_memory = "0=50KB,cpu=1GB";
  const DevicePlan plan = plan_model(request);
  REQUIRE(overfull(plan.devices));
  CHECK(need_text(*overfull(plan.devices)) == "would need 190.1 kB, has 50.0 kB");
}

TEST_CASE("plan: weights in codes take what their codes take, and leave room to be made") {
  const TempFolder folder;
  ModelRequest request = request_of(folder, kTinyLlama);
  const auto whole = plan_model(request).bytes;
  request.quantize = "nf4";
  const auto coded = plan_model(request).bytes;
  const std::int64_t weights = 2 * (4 * 64 * 64 + 3 * 64 * 128);
  CHECK(whole - coded == weights * 2 - weights / 2 - weights / 64 * 4);
  // Nine tenths of a device are given out: here exactly what is needed.
  request.device_map = "sequential";
  const auto fits = [&](std::int64_t bytes) {
    request.max_memory = "0=" + std::to_string(bytes);
    return plan_model(request).map.size() == 1;
  };
  CHECK(fits(coded * 10 / 9 + 10));
  CHECK_FALSE(fits(coded * 10 / 9 - 100));
}

TEST_CASE("max-memory: sizes are read as accelerate reads them") {
  CHECK(memory_size("x", "10GiB") == 10.0 * (1 << 30));
  CHECK(memory_size("x", "1.5GB") == 1.5e9);
  CHECK(memory_size("x", "8Gb") == 1e9);
  CHECK(memory_size("x", "200kib") == 200.0 * 1024);
  CHECK(memory_size("x", "77") == 77);
  CHECK(error_of([] { memory_size("--max-memory: cpu", "10 parsecs"); }) ==
        "--max-memory: cpu: '10 parsecs' is no size, wanted bytes or a unit as in 10GiB, 5.0GB");
  const auto memories = memories_of(R"({"cpu": "1GB", "1": 5, "cuda:0": "2MB"})");
  REQUIRE(memories.size() == 3);
  CHECK(memories[0].device == "0");
  CHECK(memories[1].bytes == 5);
  CHECK(memories[2].device == "cpu");
  CHECK(error_of([] { memories_of("cpu"); }) ==
        "--max-memory: 'cpu' is not a size by device, wanted 0=10GiB,cpu=30GiB or a JSON object");
  CHECK(error_of([] { map_of(R"({"a": "tpu"})"); }) ==
        "--device-map: 'a': 'tpu' is no device, wanted cpu, disk, cuda:N or N of a GPU");
}

}  // namespace hft::test
