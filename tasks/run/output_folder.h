// --output-dir: what becomes of each input in a file of its own, called after the input.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "tasks/run/resume.h"
#include "tasks/run/rows.h"

namespace hft {

struct OutputFolderOptions {
  std::string folder;          // "": there is none
  bool skip_existing = false;  // files of it that are there
};

class OutputFolder {
 public:
  // Makes the folder (kResources). `suffix` of the files, "json".
  OutputFolder(const OutputFolderOptions& options, bool force, std::string suffix);
  // As Sink::reuse: an input whose file is there is passed over, or that is its error (kUsage), or
  // the file is replaced.
  std::optional<Kept> reuse(const Input& input);
  // The file appears when it is whole. For an input that reuse() was asked about.
  void write(const Input& input, std::string_view text) const;
  void interrupted() const;

 private:
  const std::filesystem::path& name_file(const Input& input);
  OutputFolderOptions options_;
  bool force_;
  std::string suffix_;
  std::map<std::string, int> names_;
  std::map<std::int64_t, std::filesystem::path> files_;
};

}  // namespace hft
