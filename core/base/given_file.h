// Files that a person names on the command line: a pipe or a device as well as a file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace hft {

// The whole file, read once from its start to its end. Throws kNotFound, kBadData above max_bytes,
// kResources when it cannot be read.
std::string read_given(const std::filesystem::path& file, std::int64_t max_bytes);

}  // namespace hft
