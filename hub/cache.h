// The cache of huggingface_hub on disk, shared with Python: where it is and what it holds.
// Layout: models--ORG--NAME/{blobs/ETAG, refs/REVISION (holds a commit), snapshots/COMMIT/FILE ->
// blob}.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace hft::hub {

// --cache-dir, else HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, HF_HOME/hub,
// XDG_CACHE_HOME/huggingface/hub,
// ~/.cache/huggingface/hub.
std::filesystem::path cache_folder(const std::string& cache_dir = "");

// "name" or "org/name", as the Hub allows: letters, digits, '-', '_', '.', no "..", no "--".
bool is_repo_id(const std::string& text);

// The snapshot of a revision (branch, tag, or 40 hex digits) that is in the cache.
std::optional<std::filesystem::path> cached_snapshot(const std::filesystem::path& cache,
                                                     const std::string& repo_id,
                                                     const std::string& revision);

}  // namespace hft::hub
