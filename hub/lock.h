// The lock files of huggingface_hub: one process fetches a blob, the others wait for it.
#pragma once

#include <filesystem>
#include <string>

namespace hft::hub {

// flock on `file`, as Python's filelock does. It only saves double work: nothing in the cache
// depends on it, so a file system without locks, or a lock file that another user closed to this
// one, is no error. Waiting can be interrupted; after 10 s it is told what is waited for.
class FileLock {
 public:
  FileLock(const std::filesystem::path& file, const std::string& what);
  ~FileLock();
  FileLock(const FileLock&) = delete;

 private:
  int fd_ = -1;
};

// flock on a folder: shared by those who bring files into it, alone for who removes some. Where
// the file system has no locks it counts as held.
class FolderLock {
 public:
  enum class Kind { kShared, kAlone };
  // kShared creates the folder and waits; kAlone does not wait.
  FolderLock(const std::filesystem::path& folder, Kind kind);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  bool held() const { return held_; }

 private:
  int fd_ = -1;
  bool held_ = false;
};

// Does some process hold the lock `file`?
bool is_locked(const std::filesystem::path& file);

}  // namespace hft::hub
