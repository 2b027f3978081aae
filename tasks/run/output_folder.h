// A file for each input: --output-dir, --skip-existing.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "tasks/run/rows.h"

namespace hft {

class OutputFolder {
 public:
  struct Existing {
    bool force = false, skip = false;
  };
  // Makes the folder; kResources where it cannot be made.
  OutputFolder(const std::string& folder, const std::string& suffix, Existing existing);

  // Inputs come in order. Whether this one's file is there and to be passed over; kUsage where it is
  // there and neither to be passed over nor to be replaced.
  bool passes_over(const Input& input);
  void write(const Input& input, std::string_view bytes);

 private:
  const std::filesystem::path& file_of(const Input& input);
  std::filesystem::path folder_;
  std::string suffix_;
  Existing existing_;
  std::map<std::string, int> names_;
  std::map<std::int64_t, std::filesystem::path> files_;  // of inputs that are not yet written
};

}  // namespace hft
