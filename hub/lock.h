// The lock files of huggingface_hub: one process fetches a blob, the others wait for it.
#pragma once

#include <filesystem>
#include <string>

namespace hft::hub {

// flock on `file`, as Python's filelock does. It only saves double work: nothing in the cache
// depends on it, so a file system without locks is no error. Waiting can be interrupted; after 10 s
// it is told what is waited for.
class FileLock {
 public:
  FileLock(const std::filesystem::path& file, const std::string& what);
  ~FileLock();
  FileLock(const FileLock&) = delete;

 private:
  int fd_ = -1;
};

}  // namespace hft::hub
