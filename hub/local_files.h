// Files about to be uploaded: which ones, what they hash to, and that they hold no secret.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace hft::hub {

struct LocalFile {
  std::string name;            // in the repository
  std::filesystem::path path;  // on disk; empty: `text` is the file
  std::string text;
  std::int64_t size = 0;
  std::int64_t changed_ns = 0;  // time of the last change, to notice another
  std::string sha256, git_sha1;
  std::string sample;  // the first 512 bytes
};

// Every file below `folder` that is `wanted` by its path there, without what git and
// huggingface_hub keep for themselves at any depth (.git, .cache/huggingface). Links to folders,
// and what is not wanted, are named in `skipped`. Throws kBadData for a link that leads out of the
// folder (of a snapshot of the cache: out of its repository) and for what is no plain file.
std::vector<LocalFile> files_below(const std::filesystem::path& folder,
                                   const std::function<bool(const std::string&)>& wanted,
                                   std::vector<std::string>& skipped);

// Is it what training leaves beside a model and nobody needs to run it?
bool is_training_leftover(const std::string& name);

// Reads it once: hashes, sample. kBadData when it holds a token (`own_token`, or any of the Hub);
// kResources when it changes meanwhile.
void read_local_file(LocalFile& file, const std::string& own_token);
// kResources when the file is not as it was when it was read.
void check_unchanged(const LocalFile& file);
// Its content, which must be as it was when it was hashed.
std::string content_of(const LocalFile& file);

}  // namespace hft::hub
