// Outputs stay out of the caches of models, whose files every later run trusts.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace hft::hub {

// kUsage when the output `path` of a flag lies in one.
void refuse_cache(const std::string& flag, const std::filesystem::path& path,
                  const std::filesystem::path& given = {});

// The cache or cached repository that the path lies in, links followed: the cache in force
// (`given` is --cache-dir), or any folder that is laid out as one.
std::optional<std::filesystem::path> cache_around(const std::filesystem::path& path,
                                                  const std::filesystem::path& given = {});

}  // namespace hft::hub
