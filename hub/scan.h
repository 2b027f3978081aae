// What the cache holds, how much of it can go, and whether its bytes are still right.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "hub/cache.h"

namespace hft::hub {

struct CachedRevision {
  std::string commit;
  std::vector<std::string> refs;                         // what names it; none = detached
  std::map<std::string, std::filesystem::path> files;    // name -> where its bytes are
  std::set<std::filesystem::path> uses;                  // those, and what they lead to in the end
  std::vector<std::string> broken;                       // links that lead to nothing
  std::map<std::string, std::filesystem::path> foreign;  // links out of the cache
  std::int64_t bytes = 0, modified = 0;
};

struct CachedEntry {
  std::string type, id;  // "model", "org/name"
  std::filesystem::path cache, folder;
  std::vector<CachedRevision> revisions;
  std::map<std::filesystem::path, std::int64_t>
      blobs;                             // of all revisions; what removing each frees
  std::set<std::filesystem::path> uses;  // of folders beside the revisions that link to blobs
  std::vector<std::filesystem::path> leftovers;     // partials without a writer, temporary files
  std::vector<std::filesystem::path> unreferenced;  // blobs of no revision
  std::string fault;  // why it is not known what is in use; "" = it is
  std::int64_t bytes = 0, accessed = 0, modified = 0;  // seconds since 1970
};

// Every repository in the cache, by id. A folder that is none is left out.
std::vector<CachedEntry> scan_cache(const std::filesystem::path& cache);

struct Verified {
  std::size_t files = 0, unknown = 0;  // unknown: nothing says what their bytes should be
  std::vector<std::string> faults;     // a line each
};
// Hashes every file of a repository and compares it with its name, or with the list of its commit.
Verified verify(const CachedEntry& entry);

}  // namespace hft::hub
