// Where a fuzzer writes the files that it reads.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

// A folder of this process, made once.
inline const std::filesystem::path& folder() {
  static const auto path = [] {
    std::string name = (std::filesystem::temp_directory_path() / "hft-fuzz-XXXXXX").string();
    return std::filesystem::path(::mkdtemp(name.data()));
  }();
  return path;
}
