// The cache of huggingface_hub on disk, shared with Python. Layout of a repository's folder:
//   models--ORG--NAME/blobs/DIGEST                    the bytes, named by their hash
//                     blobs/DIGEST.TAG.incomplete     a download under way, or left behind
//                     snapshots/COMMIT/FILE           a relative link to the blob, or the file
//                     itself refs/REVISION                   holds a commit trees/COMMIT.json the
//                     list of the commit's files .no_exist/COMMIT/FILE           the commit has no
//                     such file
// and beside it .locks/models--ORG--NAME/DIGEST.lock.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "hub/settings.h"

namespace hft::hub {

struct RepoFile {
  std::string name;
  std::string digest;      // "" = not known yet
  std::int64_t size = -1;  // -1 = not known yet
  std::string pointer;     // of a file in large storage: the git id of its pointer, when known
};

// The files of one commit.
struct Tree {
  std::vector<RepoFile> files;
  std::vector<std::string> odd_names;  // of files that cannot be kept here (check_file_name)
  std::string repo_id;                 // as far as a list says whose it is
  const RepoFile* find(std::string_view name) const;
};

// trees/COMMIT.json, as huggingface_hub keeps it: none when the file is not there, damaged or of
// another version.
std::optional<Tree> read_tree_file(const std::filesystem::path& file);
// "" for a list that lacks digests or sizes: only a whole one is of use. `repo_id` goes along.
std::string tree_text(const Tree& tree, const std::string& repo_id);

// A folder or file that this user may not write, which is no matter where writing only helps
// others.
struct Denied : Error {
  using Error::Error;
};

class CachedRepo {
 public:
  // `type` is "model", "dataset" or "space". Throws kUsage unless `id` is a repository's id.
  CachedRepo(std::filesystem::path cache, std::string id, std::string type = "model");

  const std::string& id() const { return id_; }
  const std::filesystem::path& cache() const { return cache_; }

  // Every path in the cache is made by these; each checks the names it is given.
  std::filesystem::path folder() const;
  std::filesystem::path blobs() const;
  std::filesystem::path blob(std::string_view digest) const;
  std::filesystem::path snapshot(std::string_view commit) const;
  std::filesystem::path file(std::string_view commit, std::string_view name) const;
  std::filesystem::path ref(std::string_view revision) const;
  std::filesystem::path tree(std::string_view commit) const;
  std::filesystem::path no_exist(std::string_view commit, std::string_view name) const;
  std::filesystem::path lock(std::string_view digest) const;

  // The commit of a revision that is in the cache (with its snapshot).
  std::optional<std::string> commit_of(const std::string& revision) const;
  // Is the file there, whole (its size that of `file`, when known), readable and inside the cache?
  // Throws kBadData for a link that leads out of the cache.
  bool holds(std::string_view commit, const RepoFile& file) const;
  // Why it does not: kNotFound, or what is wrong with the file that is there.
  std::optional<Error> why_not(std::string_view commit, const RepoFile& file) const;
  // The folders that hold the cache's bytes, as they really are: the cache, and where its owner
  // moved this repository's folder, its blobs or the store of shared blobs, with a link in place.
  std::vector<std::filesystem::path> roots() const;
  // The same of a blob, whatever names it.
  bool has_blob(const RepoFile& file) const;
  std::optional<Tree> read_tree(std::string_view commit) const;
  std::vector<std::string> files_of(std::string_view commit) const;  // names in the snapshot

  // Puts a verified file, which is consumed, under its digest.
  void add_blob(std::string_view digest, const std::filesystem::path& verified) const;
  // Makes snapshots/COMMIT/NAME lead to the blob: a relative link, or the bytes themselves where
  // the file system has no links.
  void link(std::string_view commit, std::string_view name, std::string_view digest) const;
  void write_tree(std::string_view commit, const Tree& tree) const;
  void write_ref(const std::string& revision, std::string_view commit) const;
  void mark_missing(std::string_view commit, std::string_view name) const;

  // Creates `folder` (of this repository, or of its locks) and its parents.
  void make_folder(const std::filesystem::path& folder) const;

 private:
  std::optional<Error> fault_of(const std::filesystem::path& path, const RepoFile& wanted) const;
  void publish(const std::filesystem::path& target, std::string_view text) const;
  std::filesystem::path temporary() const;  // a new name
  std::filesystem::path cache_;
  std::string id_, name_;  // name_: models--ORG--NAME
};

// Creates base/relative. Throws kBadData when a part of `relative` is a link: nothing is ever
// written through one.
void make_plain_folder(const std::filesystem::path& base, const std::filesystem::path& relative);

// May the link be followed? One of the user's own, of root, or of the owner of the folder it is in.
bool is_trusted_link(const std::filesystem::path& link);

// Is `path` in `folder`, both as they are written?
bool is_inside(const std::filesystem::path& path, const std::filesystem::path& folder);

}  // namespace hft::hub
