#include "tasks/run/dry_run.h"

#include <cmath>
#include <cstdio>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "core/engine.h"
#include "core/placement/plan.h"

namespace hft {
namespace {

Json device_json(const std::string& name) {
  return is_gpu(name) ? Json(std::atoi(name.c_str())) : Json(name);
}

bool fits(const DevicePlan::Device& device) { return static_cast<double>(device.needs) <= device.has; }

Json as_json(const DevicePlan& plan, const fs::path& folder) {
  Json map = Json::object(), devices = Json::array();
  for (const auto& entry : plan.map) map[entry.module] = device_json(entry.device);
  for (const auto& device : plan.devices)
    devices.push_back({{"device", device_json(device.name)},
                       {"bytes", device.needs},
                       {"available", std::isinf(device.has)
                                         ? Json(nullptr)
                                         : Json(static_cast<std::int64_t>(device.has))},
                       {"fits", fits(device)},
                       {"from_file", device.name == "disk" || (!fits(device) && device.may_page)}});
  return {{"model", folder.string()},   {"model_type", plan.model_type},
          {"dtype", plan.dtype},        {"stored", plan.stored},
          {"parameters", plan.parameters}, {"bytes", plan.bytes},
          {"device_map", map},          {"devices", devices},
          {"notes", plan.notes}};
}

std::string device_words(const std::string& name) { return is_gpu(name) ? "cuda:" + name : name; }

void print_table(const DevicePlan& plan, const fs::path& folder) {
  std::printf("%s: %s, %s of %s, %s%s\n", folder.string().c_str(), plan.model_type.c_str(),
              counted(plan.parameters, "parameter").c_str(), plan.dtype.c_str(),
              human_bytes(plan.bytes).c_str(),
              plan.stored ? "" : " (by config.json; no weights are there)");
  std::printf("%-8s %12s %12s\n", "device", "weights", "available");
  for (const auto& device : plan.devices)
    std::printf("%-8s %12s %12s%s\n", device_words(device.name).c_str(),
                human_bytes(device.needs).c_str(),
                std::isinf(device.has) ? "-"
                                       : human_bytes(static_cast<std::int64_t>(device.has)).c_str(),
                fits(device) || !device.may_page
                    ? ""
                    : ("  " + need_text(device) + ": read from the mapped file as it goes").c_str());
  for (std::size_t i = 0; i < plan.map.size();) {
    std::size_t end = i + 1;
    while (end < plan.map.size() && plan.map[end].device == plan.map[i].device) ++end;
    const auto name = [&](std::size_t at) {
      return plan.map[at].module.empty() ? "(all)" : plan.map[at].module;
    };
    std::printf("%-8s %s%s\n", device_words(plan.map[i].device).c_str(), name(i).c_str(),
                end - i == 1 ? "" : (" … " + name(end - 1)).c_str());
    i = end;
  }
}

int dry_run(const ModelOptions& o, bool json) {
  const fs::path folder = model_folder(o, "", ModelParts::kTokenizer);
  const DevicePlan plan = engine().plan(model_request(o, folder, Head::kFeatures));
  for (const auto& text : plan.notes) note(text);
  if (json)
    std::printf("%s\n", to_line(as_json(plan, folder)).c_str());
  else
    print_table(plan, folder);
  if (const DevicePlan::Device* full = overfull(plan.devices))
    fail_hint(Errc::kResources, "another --device-map, a larger --max-memory or --load-in-4bit",
              "device ", device_words(full->name), ": ", need_text(*full));
  return 0;
}

}  // namespace

void add_dry_run_option(Flags& flags, ModelOptions& o) {
  flags.add("--dry-run", o.dry_run,
            "Only tell the options in force, each with where it comes from, and where the weights "
            "would lie, in how many bytes of each device (with --json that alone); reads "
            "config.json and the weights' headers")
      .group("Model");
  flags.instead([&o] { return o.dry_run; },
                [&o](const Flags& command) { return dry_run(o, command.given("--json")); });
}

}  // namespace hft
