// What the cache holds, how much of it can go, and whether its bytes are still right.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "hub/cache.h"

namespace hft::hub {

struct CachedRevision {
  std::string commit;
  std::vector<std::string> refs;                       // what names it; none = detached
  std::map<std::string, std::filesystem::path> files;  // name -> where its bytes are
  std::vector<std::string> broken;                     // links that lead to nothing
  std::int64_t bytes = 0, modified = 0;
};

struct CachedEntry {
  std::string type, id;  // "model", "org/name"
  std::filesystem::path folder;
  std::vector<CachedRevision> revisions;
  std::map<std::filesystem::path, std::int64_t> blobs;  // of all revisions, with their sizes
  std::vector<std::filesystem::path> leftovers;        // partials without a writer, temporary files
  std::vector<std::filesystem::path> unreferenced;     // blobs of no revision
  std::int64_t bytes = 0, accessed = 0, modified = 0;  // seconds since 1970
};

// Every repository in the cache, by id. A folder that is none is left out.
std::vector<CachedEntry> scan_cache(const std::filesystem::path& cache);

// Files and folders to remove, and the bytes that frees.
struct Removal {
  std::vector<std::filesystem::path> paths;
  std::vector<std::string> what;  // a line each, for people
  std::int64_t bytes = 0;
};

// `ids`: "org/name", "model/org/name", "dataset/org/name" or a commit. kNotFound for one that is
// not in the cache.
Removal plan_removal(const std::vector<CachedEntry>& cache, const std::vector<std::string>& ids);
// Revisions that no ref names, downloads that nobody goes on with, blobs of no revision.
Removal plan_prune(const std::vector<CachedEntry>& cache);
void remove(const Removal& removal);

struct Verified {
  std::size_t files = 0, unknown = 0;  // unknown: nothing says what their bytes should be
  std::vector<std::string> faults;     // a line each
};
// Hashes every file of a repository and compares it with its name, or with the list of its commit.
Verified verify(const CachedEntry& entry, const std::filesystem::path& cache);

}  // namespace hft::hub
