// Many files of one commit at once, into the cache or into a folder.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "hub/cache.h"
#include "hub/fetch.h"
#include "hub/http.h"

namespace hft::hub {

// Where files go once they are whole.
struct Target {
  std::filesystem::path partials;  // the folder of downloads under way
  // Is the content there already (another revision had it, another process just fetched it)?
  std::function<bool(const RepoFile&)> has;
  // The lock that keeps two processes from fetching the same.
  std::function<std::filesystem::path(const RepoFile&)> lock;
  std::function<std::string(const RepoFile&)> prefix;  // of the names of its partials
  // Takes a verified file, which is under a temporary name.
  std::function<void(const RepoFile&, const std::filesystem::path& verified)> store;
  // Makes the file appear under its own name; called for each, fetched or not.
  std::function<void(const RepoFile&)> publish;
};

// Fetches on several threads, the disk's free space checked first, progress shown. Files without a
// digest or size are asked for (HEAD). The first error ends all. Returns how many were fetched.
std::size_t download(const Settings& settings, const Source& source, std::vector<RepoFile> files,
                     const Target& target);

}  // namespace hft::hub
