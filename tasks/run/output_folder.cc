#include "tasks/run/output_folder.h"

#include <cstdio>

#include "core/base/exact_json.h"
#include "core/base/files.h"
#include "tasks/run/saved_files.h"

namespace hft {
namespace {

// The name of the file it came from, else the data's id, else its place among the inputs.
std::string output_name(const Input& input) {
  const bool media = input.has(0) && std::holds_alternative<Media>(*input.values[0]);
  std::error_code error;
  if (media && stem_of(input) != "-" && !stem_of(input).empty()) return stem_of(input);
  if (!input.id.is_null())
    return in_file_name(input.id.is_string() ? input.id.get<std::string>() : exact_line(input.id));
  if (!media && fs::is_regular_file(input.place, error))
    return fs::path(input.place).stem().string();
  char number[32];
  std::snprintf(number, sizeof number, "%04lld", static_cast<long long>(input.index + 1));
  return number;
}

}  // namespace

OutputFolder::OutputFolder(const std::string& folder, const std::string& suffix, Existing existing)
    : folder_(folder), suffix_(suffix), existing_(existing) {
  std::error_code failed;
  fs::create_directories(folder_, failed);
  if (failed || !fs::is_directory(folder_))
    fail(Errc::kResources, "--output-dir ", folder, ": cannot be made a folder",
         failed ? ": " + failed.message() : "");
}

// Inputs of one name get numbers from the second on.
const fs::path& OutputFolder::file_of(const Input& input) {
  if (const auto known = files_.find(input.index); known != files_.end()) return known->second;
  std::string name = output_name(input);
  const int before = names_[name]++;
  if (before > 0) name += "-" + std::to_string(before + 1);
  return files_[input.index] = folder_ / (name + "." + suffix_);
}

bool OutputFolder::passes_over(const Input& input) {
  const fs::path& file = file_of(input);
  if (existing_.force || !fs::exists(file)) return false;
  if (!existing_.skip)
    fail_hint(Errc::kUsage, "--force replaces it, --skip-existing leaves it", file.string(),
              ": exists already");
  files_.erase(input.index);
  return true;
}

void OutputFolder::write(const Input& input, std::string_view bytes) {
  write_file(file_of(input), bytes);
  files_.erase(input.index);
}

}  // namespace hft
