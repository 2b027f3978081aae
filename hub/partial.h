// A download under way: bytes in a file of this process alone, hashed as they are written.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "hub/backend.h"
#include "hub/cache.h"

namespace hft::hub {

// Hashes content as its digest does: 64 digits SHA-256, 40 digits a git blob (SHA-1 of "blob
// SIZE\0" and the bytes), for which the size must be known.
std::unique_ptr<Hash> hash_for(const std::string& digest, std::int64_t size);
// The digest of a whole file, computed as `like` was; "" when it vanished.
std::string digest_of(const std::filesystem::path& file, const std::string& like);

class Partial {
 public:
  // In `folder`, named PREFIX.TAG.incomplete. A partial of the same PREFIX that a dead process left
  // behind is taken over: it is no longer open for writing anywhere (the kernel is asked, so a lock
  // that does not work does no harm), and its bytes are hashed again.
  Partial(const std::filesystem::path& folder, const std::string& prefix, const RepoFile& wanted);
  ~Partial();  // leaves the file, for the next process
  Partial(const Partial&) = delete;

  std::int64_t size() const { return size_; }
  void append(std::span<const char> bytes);  // throws kResources, with what is missing
  void restart();                            // back to no byte
  // The digest of what was written; ends the hash.
  std::string digest();
  void sync();  // to the disk
  void remove();
  const std::filesystem::path& path() const { return path_; }

 private:
  bool adopt(const std::filesystem::path& candidate);
  void hash_what_is_there();
  RepoFile wanted_;
  std::filesystem::path path_;
  int fd_ = -1;
  std::int64_t size_ = 0;
  std::unique_ptr<Hash> hash_;
};

// Is the file open for writing in some process of this machine? Where the file system cannot tell,
// a file that was written within the last quarter of an hour counts as open.
bool has_writer(const std::filesystem::path& file);

}  // namespace hft::hub
