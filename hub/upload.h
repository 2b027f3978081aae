// One commit to a repository, holding what of a set of files it does not have yet.
#pragma once

#include <string>
#include <vector>

#include "hub/http.h"
#include "hub/local_files.h"

namespace hft::hub {

struct UploadRequest {
  std::string repo_id;  // "name" alone: in the user's own namespace
  std::string revision = "main";
  std::vector<LocalFile> files;
  LocalFile card;  // goes along when neither `files` nor the repository has a README.md
  std::string message;
  bool make_private = false, create_pr = false, dry_run = false;
};

struct Uploaded {
  std::string url;  // of the commit (or pull request) that holds the files
  std::vector<std::pair<std::string, std::int64_t>> changed;  // names and sizes of what was, or
                                                              // with dry_run would be, committed
  std::size_t unchanged = 0, sent = 0;                        // sent: to the large storage
  bool committed = false;
};

// Reads every file first (a token in one of them stops all), uploads large ones, and commits all at
// once: broken off anywhere before, the repository is as it was, and a second run sends only what
// is missing. A commit that came between is taken into account, up to three times. Throws Error:
// kNotAuthorised, kNotFound, kNetwork, kBadData (a token, a link), kResources.
Uploaded upload(UploadRequest request);

}  // namespace hft::hub
