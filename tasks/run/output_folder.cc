#include "tasks/run/output_folder.h"

#include <cstdio>

#include "core/base/files.h"
#include "core/base/log.h"
#include "tasks/run/saved_files.h"

namespace hft {

OutputFolder::OutputFolder(const OutputFolderOptions& options, bool force, std::string suffix)
    : options_(options), force_(force), suffix_(std::move(suffix)) {
  std::error_code failed;
  fs::create_directories(options_.folder, failed);
  if (failed || !fs::is_directory(options_.folder))
    fail(Errc::kResources, "--output-dir ", options_.folder, ": cannot be made a folder",
         failed ? ": " + failed.message() : "");
}

// A file's own name; else the data's id; else a number. Inputs of one name get numbers from the
// second on.
const fs::path& OutputFolder::name_file(const Input& input) {
  const bool is_file = !input.values.empty() && input.has(0) &&
                       std::holds_alternative<Media>(*input.values[0]);
  std::string stem = is_file ? stem_of(input) : "";
  if (stem.empty() || stem == "-")
    stem = in_file_name(input.id.is_string() ? input.id.get<std::string>()
                        : input.id.is_null() ? std::string()
                                             : exact_line(input.id));
  std::error_code unknown;
  if (stem.empty() && !is_file && fs::is_regular_file(input.place, unknown))
    stem = fs::path(input.place).stem().string();
  if (stem.empty()) {
    char number[32];
    std::snprintf(number, sizeof number, "%04lld", static_cast<long long>(input.index + 1));
    stem = number;
  }
  const int before = names_[stem]++;
  if (before > 0) stem += "-" + std::to_string(before + 1);
  return files_[input.index] = fs::path(options_.folder) / (stem + "." + suffix_);
}

std::optional<Kept> OutputFolder::reuse(const Input& input) {
  const fs::path& file = name_file(input);
  if (force_ || !fs::exists(file)) return std::nullopt;
  if (options_.skip_existing) return Kept{};
  fail_hint(Errc::kUsage, "--force replaces it, --skip-existing leaves it", file.string(),
            ": exists already");
}

void OutputFolder::write(const Input& input, std::string_view text) const {
  write_file(files_.at(input.index), text);
}

void OutputFolder::interrupted() const {
  note("interrupted; the files that are there are whole, --skip-existing goes on after them");
}

}  // namespace hft
