// Removing from the cache: what nobody needs goes, what others use, write or moved away stays.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "hub/scan.h"

namespace hft::hub {

// What to remove of one repository, and the bytes that frees. Of a link only the link goes.
struct Removal {
  CachedEntry entry;
  std::vector<std::filesystem::path> paths;
  std::vector<std::string> what;  // a line each, for people
  std::int64_t bytes = 0;
};
using Plan = std::vector<Removal>;
using Filter = std::function<bool(const CachedEntry&)>;

// `ids`: "org/name", "model/org/name", "dataset/org/name" or a commit; none: all that pass the
// filter. Blobs that another repository uses stay. kNotFound for an id that is not in the cache.
Plan plan_removal(const std::vector<CachedEntry>& cache, const Filter& filter,
                  const std::vector<std::string>& ids);
// Revisions that no ref names, downloads that nobody goes on with, blobs of no revision.
Plan plan_prune(const std::vector<CachedEntry>& cache, const Filter& filter);

// Repositories into which a download goes on are left out, with a note; kBusy when `refuse`.
Plan without_busy(Plan plan, bool refuse);

// Removes what `shown` and `again`, called while no hft brings files, have in common; the bytes
// that frees.
std::int64_t remove(const Plan& shown, const std::function<Plan()>& again);

}  // namespace hft::hub
