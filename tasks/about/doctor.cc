// hft doctor: whether what hft needs is here, and what to do where it is not.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "core/base/files.h"
#include "core/base/json.h"
#include "core/base/processor.h"
#include "core/base/text.h"
#include "core/engine.h"
#include "core/tables/backend.h"
#include "hub/backend.h"
#include "hub/settings.h"
#include "media/sound/backend.h"
#include "tasks/commands.h"

namespace hft {
namespace {

enum class State { kGood, kWarning, kBad };

struct Check {
  std::string name;
  State state = State::kGood;
  std::string found, fix;
};

// Whether a part of the program opens.
// What can be done without, `missing` says.
template <class F>
Check opens(const std::string& name, const std::string& what, F&& open,
            State missing = State::kBad) {
  try {
    open();
    return {name, State::kGood, what + " opens"};
  } catch (const Error& e) {
    return {name, missing, e.message, e.hint};
  }
}

Check processor_check() {
  const std::string name(name_of(processor()));
  if (name != "plain") return {"processor", State::kGood, name};
  return {"processor", State::kWarning, "no instruction set with kernels of its own: slow",
          std::getenv("HFT_CPU") ? "unset HFT_CPU" : "a processor with AVX2 or NEON"};
}

Check cache_check() {
  fs::path folder = hub::cache_folder();
  const std::string name = folder.string();
  std::error_code error;
  while (!fs::exists(folder, error) && folder.has_parent_path() && folder != folder.parent_path())
    folder = folder.parent_path();
  if (!fs::is_directory(folder, error) || ::access(folder.c_str(), W_OK) != 0)
    return {"cache", State::kBad, name + ": cannot be written",
            "HF_HOME or --cache-dir names another folder"};
  const auto room = fs::space(folder, error);
  constexpr std::uintmax_t kLittle = 5'000'000'000;
  const std::string free = name + ", " + human_bytes(static_cast<std::int64_t>(room.available)) + " free";
  if (error || room.available >= kLittle) return {"cache", State::kGood, free};
  return {"cache", State::kWarning, free, "hft hub cache prune makes room"};
}

Check token_check() {
  if (hub::settings().token.empty())
    return {"token", State::kWarning, "none: gated and private models cannot be fetched",
            "hft hub login, or HF_TOKEN"};
  return {"token", State::kGood, "there is one"};
}

Check network_check() {
  if (hub::offline())
    return {"network", State::kWarning, "offline: only what is cached is used",
            "unset HF_HUB_OFFLINE and TRANSFORMERS_OFFLINE"};
  return {"network", State::kGood, hub::settings().endpoint + " (not asked)"};
}

Check ffmpeg_check() {
  const char* path = std::getenv("PATH");
  for (const std::string& folder : split(path ? path : "", ':'))
    if (::access((fs::path(folder) / "ffmpeg").c_str(), X_OK) == 0)
      return {"ffmpeg", State::kGood, (fs::path(folder) / "ffmpeg").string()};
  return {"ffmpeg", State::kWarning, "not in PATH: of sounds, WAV, FLAC, Ogg and MP3 alone are read",
          "apt install ffmpeg"};
}

Check scratch_check() {
  std::error_code error;
  const fs::path folder = fs::temp_directory_path(error);
  if (!error && ::access(folder.c_str(), W_OK) == 0)
    return {"scratch", State::kGood, folder.string()};
  return {"scratch", State::kBad, "no folder for temporary files", "TMPDIR names one"};
}

const char* word(State state) {
  return state == State::kGood ? "ok" : state == State::kWarning ? "note" : "FAULT";
}

std::function<int()> declare_doctor(Flags& flags) {
  auto json = std::make_shared<bool>(false);
  flags.footer(
      "Examples:\n"
      "  hft doctor\n"
      "  hft doctor --json | jq 'select(.state != \"ok\")'\n"
      "Exit code 1: something hft needs is missing. Nothing is asked of the network.");
  flags.add("--json", *json, "A JSON record per check");
  return [json] {
    const Check checks[] = {processor_check(),
                            opens("engine", "LibTorch", [] { engine(); }),
                            opens("hub", "the network's part", [] { hub::backend(); }),
                            opens("sound", "the part for sounds", [] { media::sound_backend(); }),
                            opens("tables", "Apache Arrow", [] { table_backend(); }, State::kWarning),
                            ffmpeg_check(),
                            cache_check(),
                            scratch_check(),
                            token_check(),
                            network_check()};
    bool good = true;
    for (const Check& check : checks) {
      good &= check.state != State::kBad;
      if (*json) {
        Json one{{"check", check.name}, {"state", word(check.state)}, {"found", check.found}};
        if (!check.fix.empty()) one["fix"] = check.fix;
        std::printf("%s\n", to_line(one).c_str());
        continue;
      }
      std::printf("%-6s %-10s %s\n", word(check.state), check.name.c_str(), check.found.c_str());
      if (!check.fix.empty()) std::printf("%-17s fix: %s\n", "", check.fix.c_str());
    }
    return good ? 0 : static_cast<int>(Errc::kFailure);
  };
}

}  // namespace

extern const Command doctor_command{
    "doctor", "About", "Check what hft needs on this machine, with what to do", declare_doctor};

}  // namespace hft
