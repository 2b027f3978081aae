#include "core/checkpoint/companions.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "core/base/files.h"
#include "core/base/json.h"
#include "core/base/limits.h"

namespace hft {
namespace {

bool is_companion(const fs::path& file) {
  constexpr std::array<std::string_view, 11> kSuffixes{".json",  ".txt",      ".model", ".spm",
                                                       ".jinja", ".tiktoken", ".vocab", ".bpe",
                                                       ".py",    ".md",       ".npz"};
  const std::string name = file.filename().string(), suffix = file.extension().string();
  if (name == "config.json" || name == "adapter_config.json" ||
      name.find(".index.") != std::string::npos)
    return false;
  if (name.starts_with("LICENSE") || name.starts_with("NOTICE")) return true;
  return std::find(kSuffixes.begin(), kSuffixes.end(), suffix) != kSuffixes.end();
}

// Folders of further chat templates, and those that modules.json names.
std::vector<std::string> companion_folders(const fs::path& folder) {
  std::vector<std::string> names{"additional_chat_templates"};
  if (!fs::exists(folder / "modules.json")) return names;
  const Json modules = read_json(folder / "modules.json");
  for (const Json& module : modules) {
    if (!module.is_object() || !module.contains("path") || !module["path"].is_string()) continue;
    const auto name = module["path"].get<std::string>();
    if (!name.empty() && name != "." && name != ".." &&
        name.find_first_of("/\\") == std::string::npos)
      names.push_back(name);
  }
  return names;
}

void copy_over(const fs::path& from, const fs::path& to) {
  write_file(to, read_file(from, limits::kTokenizerBytes));
}

}  // namespace

std::vector<fs::path> companion_files(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.is_regular_file() && is_companion(entry.path())) files.push_back(entry.path());
  std::ranges::sort(files);
  return files;
}

void copy_companions(const fs::path& from, const fs::path& to) {
  for (const fs::path& file : companion_files(from)) copy_over(file, to / file.filename());
  for (const std::string& name : companion_folders(from)) {
    if (!fs::is_directory(from / name)) continue;
    fs::create_directories(to / name);
    for (const auto& entry : fs::directory_iterator(from / name))
      if (entry.is_regular_file()) copy_over(entry.path(), to / name / entry.path().filename());
  }
}

}  // namespace hft
