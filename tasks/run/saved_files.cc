#include "tasks/run/saved_files.h"

#include <algorithm>
#include <cstdio>

#include "core/base/error.h"
#include "core/base/files.h"

namespace hft {

SavedFiles::SavedFiles(std::string flag, std::string folder, bool into_full)
    : folder_(std::move(folder)) {
  if (folder_.empty()) return;
  std::error_code failed;
  fs::create_directories(folder_, failed);
  if (failed || !fs::is_directory(folder_))
    fail(Errc::kResources, flag, " ", folder_, ": cannot be made a folder",
         failed ? ": " + failed.message() : "");
  if (!into_full && !fs::is_empty(folder_))
    fail_hint(Errc::kUsage, "--force writes into it all the same", flag, " ", folder_,
              ": the folder is not empty");
}

void SavedFiles::save(const std::string& name, std::string_view bytes) const {
  write_file(fs::path(folder_) / name, bytes);
}

std::string in_file_name(std::string_view text) {
  std::string name;
  for (const char c : text.substr(0, 64))
    name += (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-'
                ? c
                : '_';
  return name;
}

std::string stem_of(const Input& input) {
  const auto* media = input.has(0) ? std::get_if<Media>(&*input.values[0]) : nullptr;
  if (!media && !input.shown.is_string()) return "";
  const std::string name = media ? media->source : input.shown.get<std::string>();
  const auto page = std::min(name.rfind("#page="), name.size());
  return fs::path(name.substr(0, page)).stem().string() + name.substr(page);
}

std::string saved_name(const Input& input) {
  char number[32];
  std::snprintf(number, sizeof number, "%04lld", static_cast<long long>(input.index));
  const std::string name = in_file_name(stem_of(input));
  return name.empty() ? number : std::string(number) + "-" + name;
}

}  // namespace hft
