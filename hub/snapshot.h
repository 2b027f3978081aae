// A repository at a revision as a folder of the cache, fetched as far as it is not there.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "hub/cache.h"
#include "hub/card.h"

namespace hft::hub {

struct SnapshotRequest {
  std::string repo_id, revision = "main";
  std::string cache_dir;  // "" = cache_folder()
  bool local_files_only = false;
  std::vector<std::string> licences;  // --require-license; empty = any
  // Files wanted of a commit; `read` gives the text of one of its files, fetching it first (an
  // index of shards).
  std::function<std::vector<std::string>(
      const Tree&, const std::function<std::string(const std::string&)>& read)>
      choose;
  // Without the list of the commit's files (Python filled the cache): are the names that are there
  // all that is wanted? `is_missing` tells of a name whether the commit is known to lack it.
  std::function<bool(const std::vector<std::string>& names,
                     const std::function<bool(const std::string&)>& is_missing)>
      enough;
  // May they be used, with a note, when that is not known and the Hub cannot be asked?
  bool use_what_is_there = true;
};

struct Snapshot {
  std::filesystem::path folder;
  std::string commit;
  std::vector<std::string> files;  // the wanted ones
  std::size_t fetched = 0;         // how many were not in the cache
};

// What is in the cache is not asked for again: a commit whose wanted files are all there costs no
// request, a branch one (which commit it is); asked once in a process. A Hub that does not answer
// is no error for a revision that is cached; offline (also by HF_HUB_OFFLINE) opens no socket. The
// ref is written last. Throws Error: kNotFound (also: not in the cache while offline),
// kNotAuthorised, kUnsupported (a licence that is not allowed), kNetwork, kResources, kBadData,
// kInterrupted.
Snapshot fetch_snapshot(SnapshotRequest request);

// The files a model needs (hub/selection.h). A first use tells its licence and gating on stderr.
Snapshot fetch_model(SnapshotRequest request, const std::string& subfolder,
                     const std::string& variant, bool weights);

// Files into a folder of the user's, beside which huggingface_hub keeps what it knows of them
// (FOLDER/.cache/huggingface). A file that is there with the right bytes is kept.
Snapshot fetch_to_folder(const SnapshotRequest& request, const std::filesystem::path& folder);

}  // namespace hft::hub
