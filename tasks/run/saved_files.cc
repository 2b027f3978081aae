#include "tasks/run/saved_files.h"

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
  return input.shown.is_string() ? fs::path(input.shown.get<std::string>()).stem().string() : "";
}

}  // namespace hft
