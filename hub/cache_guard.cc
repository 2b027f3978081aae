#include "hub/cache_guard.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/write_target.h"
#include "hub/cache.h"
#include "hub/settings.h"

namespace hft::hub {
namespace {

// models--ORG--NAME with what huggingface_hub keeps in it.
bool is_repository(const fs::path& folder) {
  constexpr std::string_view kKinds[] = {"models--", "datasets--", "spaces--", "kernels--"};
  const std::string name = folder.filename().string();
  const bool named = std::ranges::any_of(kKinds, [&](std::string_view kind) {
    return name.starts_with(kind) && name.size() > kind.size();
  });
  std::error_code ignored;
  return named &&
         (fs::is_directory(folder / "snapshots", ignored) ||
          fs::is_directory(folder / "blobs", ignored) ||
          fs::is_directory(folder / "refs", ignored));
}

// The note that huggingface_hub leaves in a cache of another place.
bool is_tagged(const fs::path& folder) {
  constexpr std::int64_t kTagBytes = 4096;
  try {
    return read_file(folder / "CACHEDIR.TAG", kTagBytes).find("huggingface") != std::string::npos;
  } catch (const Error&) {
    return false;
  }
}

bool is_cache(const fs::path& folder) {
  if (is_tagged(folder)) return true;
  std::error_code error;
  const fs::directory_iterator entries(folder, error);
  return !error && std::any_of(begin(entries), end(entries),
                               [](const auto& entry) { return is_repository(entry.path()); });
}

}  // namespace

std::optional<fs::path> cache_around(const fs::path& path, const fs::path& given) {
  std::error_code ignored;
  const fs::path real =
      fs::weakly_canonical(fs::absolute(WriteTarget(path).path, ignored), ignored);
  // The name as it was given counts too: a link in a snapshot leads to its blob, or elsewhere.
  const fs::path named =
      fs::weakly_canonical(fs::absolute(path, ignored).parent_path(), ignored) / path.filename();
  fs::path in_force;
  try {
    in_force = fs::weakly_canonical(fs::absolute(cache_folder(given), ignored), ignored);
  } catch (const Error&) {  // no HOME: then there is none
  }
  for (const fs::path& place : {real, named}) {
    if (!in_force.empty() && is_inside(place, in_force)) return in_force;
    for (fs::path at = place; at.has_relative_path(); at = at.parent_path())
      if (is_repository(at)) return at;
    if (is_cache(place.parent_path())) return place.parent_path();
    if (is_cache(place)) return place;
  }
  return std::nullopt;
}

void refuse_cache(const std::string& flag, const fs::path& path, const fs::path& given) {
  if (const auto cache = cache_around(path, given))
    fail(Errc::kUsage, flag, " ", path.string(), ": lies in the cache ", cache->string(),
         ", whose files are not to be changed");
}

}  // namespace hft::hub
